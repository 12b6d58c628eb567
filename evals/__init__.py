"""Scores of extractions against hand-labelled gold files; the definitions stand in metrics.py."""
