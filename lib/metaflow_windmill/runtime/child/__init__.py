"""Metaflow in a child process: its commands, environment, working directory and hooks."""
