"""Celery's side: thin tasks around integration, and nothing that only lives here."""
