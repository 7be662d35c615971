"""Measurements: seeded, printed as one table, judged by ratios and never by absolute times."""
