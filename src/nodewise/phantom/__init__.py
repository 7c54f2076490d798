"""Patients whose truth is known: a chest drawn from a seed, scanned as a CT would see it."""
