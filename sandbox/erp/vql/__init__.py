"""VARIO's query language: grammar, evaluation and the sandbox's data sources."""
