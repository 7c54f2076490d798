"""Networks, losses, the training loop and sliding-window inference; nothing here knows what a lymph node is."""
