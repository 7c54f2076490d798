"""Labelled scans to train on: whatever folder they come in, they leave as the same few fields."""
