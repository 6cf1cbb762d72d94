"""Windmill's REST API over the catalog and the engine: a table of routes for each subject."""

__all__ = ["app", "approval_routes", "auth", "guard", "services"]
