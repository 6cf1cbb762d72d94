"""The ``windmill`` commands of a flow: one module a command."""

__all__ = ["group", "telling"]
