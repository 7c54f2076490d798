"""A public data set as it is unpacked, checked case by case and written as a folder to train and evaluate on."""
