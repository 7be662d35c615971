"""The way back: the shop's product id, written into the ERP's listing for the people there.

Our own table (`listing`) stays primary; nothing here is ever read to decide what goes to a shop.
"""
