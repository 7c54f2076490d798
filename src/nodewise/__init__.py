"""nodewise: lymph nodes on CT, found, measured, named and staged. Research use only."""

__version__ = "0.1.0"
