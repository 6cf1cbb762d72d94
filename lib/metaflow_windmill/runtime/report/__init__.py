"""The page of a run: what it made, how long its steps took, its cards."""
