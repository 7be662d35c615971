"""Why is this article not (rightly) in the shop? The chain from the ERP to the shop, link by link.

`collecting` gathers facts, from the database and, if asked for, from ERP and shop; `chain` judges
them without asking anybody; `texts` has the sentences in English and German; `report` puts them
together.
"""
