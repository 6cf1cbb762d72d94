"""A bad way to a good server, everything that asks a server sent through it, and an account at the end."""
