"""The code package: what is in it and where it is kept."""
