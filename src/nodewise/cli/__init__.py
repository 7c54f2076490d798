"""The command line: the only place that talks to a screen, exits, or sets threads."""
