"""Where things are in a chest: landmarks, organs and station maps."""
