"""One module a command of ``python flow.py windmill``."""
