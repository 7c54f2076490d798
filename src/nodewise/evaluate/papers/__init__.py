"""The papers' own tables, computed on this data and shown beside what they print of theirs."""
