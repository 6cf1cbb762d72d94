"""A document gets its place in a workspace: who owns it, what is there, what changes."""

__all__ = [
    "deployments",
    "difference",
    "newer",
    "ownership",
    "prepared",
    "schedule",
    "server_support",
    "subscription",
    "survey",
    "upsert",
]
