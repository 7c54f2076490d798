"""The probabilistic atlas of lymph nodes (P3): made from many patients, kept in a folder, laid over one."""
