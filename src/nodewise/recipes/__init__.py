"""One file a system: its paper, its constants, how it is trained and the pipeline it makes."""
