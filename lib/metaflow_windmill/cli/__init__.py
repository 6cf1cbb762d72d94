"""The windmill commands of a flow, and the metaflow-windmill command."""

__all__ = ["deployer", "flow", "main"]
