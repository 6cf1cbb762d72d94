"""Metaflow's state of a command line becomes a document."""
