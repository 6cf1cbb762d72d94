"""An earlier success of a task stands for it: by a key of all that its outcome depends on."""

__all__ = ["remembered"]
