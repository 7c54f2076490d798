"""Trained networks as steps of the story: what goes in, what comes out, and the folder they travel in."""
