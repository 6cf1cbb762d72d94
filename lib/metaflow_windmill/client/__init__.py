"""Windmill's REST API: one Transport, typed answers, errors."""

__all__ = [
    "answers",
    "calls",
    "http",
    "listing",
    "models",
    "pages",
    "resource_client",
    "retrying",
    "sdk",
    "server_version",
    "site",
    "transport",
    "windmill",
]
