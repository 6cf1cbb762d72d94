"""The body of each step of a compiled flow, in parts: `package.script` joins them to one text.

Standard library only, since it runs before anything else is there.
"""

__all__ = ["token"]
