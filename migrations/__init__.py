"""Alembic migrations of the schema in integration.models."""
