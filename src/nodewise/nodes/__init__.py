"""Lymph nodes out of a probability or a label map, and what can be measured of each."""
