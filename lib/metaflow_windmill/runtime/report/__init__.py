"""The page of a run: what it made, how long its steps took, its cards."""

__all__ = ["artifacts", "describing", "make", "markdown", "step_outcomes"]
