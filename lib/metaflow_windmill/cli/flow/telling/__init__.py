"""What a person at a terminal is told."""

__all__ = ["asking", "deployment", "fetched_metadata", "following", "output", "showing", "teller"]
