"""The flows of a repository become deployed flows."""

__all__ = ["configuration", "discovery", "pipeline", "stores"]
