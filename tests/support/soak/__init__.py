"""A mix of everything under random kills, and an account of all of it at the end."""
