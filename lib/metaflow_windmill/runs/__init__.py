"""A deployed flow runs: its arguments, its start, its progress, its end, and its resumption."""
