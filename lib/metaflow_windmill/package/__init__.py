"""The code package: what is in it, where it is kept, and what a worker needs besides it.

Nothing is imported here: each command of a flow watches what the flow reads (`package.reads`), and most of
them have no use for the rest.
"""

__all__ = [
    "body",
    "contents",
    "found",
    "imports",
    "installed",
    "lock",
    "memo",
    "reads",
    "requirements",
    "save",
    "script",
    "sources",
    "taken",
    "target",
    "well_known",
]
