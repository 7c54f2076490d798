"""Files in and out: every convention but LPS millimetres lives and dies here."""
