"""The flows of a repository become deployed flows."""
