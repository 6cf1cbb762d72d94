"""Metaflow flows on Windmill: the compiler, the runtime, the client and the embedded server.

Nothing is imported here: Metaflow reaches this package on the path of every step.
"""

from __future__ import annotations

__version__ = "1.0.0"
