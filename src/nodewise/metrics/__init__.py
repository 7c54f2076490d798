"""Scores of predictions against truth, on plain arrays."""
