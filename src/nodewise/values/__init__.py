"""Frozen values that carry everything; numpy and the standard library only."""
