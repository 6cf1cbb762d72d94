"""Child processes, of tasks and of compilations: begun, limited, awaited, and ended with all they began.

It knows neither Metaflow nor Windmill.
"""

__all__ = ["child", "confined", "control", "leftovers"]
