"""What a script requires: read from its lock, from what it declares, or from what it imports. Pure text."""

__all__ = ["demand"]
