"""Reconciliation: what the ERP offers on a channel, compared with what the shop shows, as a plan.

`planning` reads both sides and stores a plan, `applying` sends what a stored plan says.
"""
