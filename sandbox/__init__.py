"""Stand-ins for the ERP and the shops: separate programs that speak the recorded wire over HTTP.

They share no code with the product, so that a misreading in one is not repeated in the other.
"""
