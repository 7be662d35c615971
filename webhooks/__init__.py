"""The Flask side: verify, validate, hint, answer. Never calls the ERP or a shop."""
