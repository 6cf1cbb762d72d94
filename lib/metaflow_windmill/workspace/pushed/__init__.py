"""A push to a repository deploys what it changed."""

__all__ = ["push_events", "redeploy"]
