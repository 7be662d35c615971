"""The history of entities: what arrived, what was sent, what the shop answered.

`recording` writes it, in the transactions that move work items; `contents` packs what was sent;
`retention` ends it; `reading`, `belief` and `sums` answer questions.
"""
