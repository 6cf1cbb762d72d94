"""The embedded Windmill: expressions, engine, runner, store, api and pages."""

__all__ = ["release", "server"]
