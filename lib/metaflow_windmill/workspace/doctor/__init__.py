"""Looks at an installation, and says what to do about what is found."""

__all__ = ["findings", "machine", "run_findings", "server_findings", "store", "worker_visit", "workers"]
