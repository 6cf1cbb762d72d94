"""A document gets its place in a workspace: who owns it, what is there, what changes."""
