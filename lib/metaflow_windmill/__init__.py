"""Metaflow flows on Windmill: the compiler, the runtime, the client and the embedded server.

Nothing is imported here: Metaflow reaches this package on the path of every step.
"""

from __future__ import annotations

__version__ = "1.0.0"


def draining() -> bool:
    """Tell whether the worker of this task is about to end, so that a long task had better come to a stop.

    A worker that is told to end (a rolling restart, a smaller group) waits for the task that it runs, as
    long as whoever told it lets it. A task that looks now and then can save what it has and return, or
    raise, before it is killed. True within seconds on Windmill 1.830 and newer; always False on older
    servers, which do not tell, and wherever the flow runs on no Windmill at all.

    Examples
    --------
    ::

        from metaflow_windmill import draining

        for batch in batches:
            if draining():
                raise RuntimeError("the worker goes away; @retry goes on from the checkpoint")
            train(batch)
    """
    import os

    place = os.environ.get("METAFLOW_WINDMILL_DRAINING", "")
    return bool(place) and os.path.exists(place)  # noqa: PTH110 (no other import on the path of every step)
