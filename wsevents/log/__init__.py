"""The log: what is worth a line, how often it is said, and how it looks."""
