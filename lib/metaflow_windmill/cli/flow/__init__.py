"""The ``windmill`` commands of a flow: one module a command."""
