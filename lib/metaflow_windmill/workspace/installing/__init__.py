"""The scripts of this project come into a workspace."""

__all__ = ["installer", "library", "script_scopes", "shipped"]
