"""Connectors: one folder per platform, each using nothing but `base` and `http`."""
