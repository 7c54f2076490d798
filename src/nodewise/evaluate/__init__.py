"""Predictions held against truth: read, measured case by case, summed up with intervals, written down."""
