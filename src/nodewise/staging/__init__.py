"""The N category of a lung cancer from the stations of its metastatic nodes."""
