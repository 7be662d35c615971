"""Measurements: each a ratio against a baseline of the same run, repeated, judged by its target.

What is measured and against which target is in `targets`; one module per group of rows measures.
"""
