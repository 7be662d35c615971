"""The Flask side: verify, validate, answer. To serve a webhook asks neither the ERP nor a shop."""
