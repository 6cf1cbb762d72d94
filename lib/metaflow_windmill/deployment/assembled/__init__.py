"""Metaflow's state of a command line becomes a document."""

__all__ = ["assemble", "deployment_target", "options", "service_check"]
