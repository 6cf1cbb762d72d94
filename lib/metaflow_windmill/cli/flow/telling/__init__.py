"""What a person at a terminal is told."""

__all__ = ["asking", "deployment", "following", "local_metadata", "output", "showing", "teller"]
