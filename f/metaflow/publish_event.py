# requirements:
# metaflow==2.19.39
# requests==2.34.2
# tomli==2.2.1;python_version<'3.11'
# wmill==1.788.0
"""Starts the flows that wait for an event: the way in for whatever happens outside of Metaflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def library(pauses: tuple[float, ...] = (0, 1, 3, 9)) -> None:
    """Have the library: Windmill's loader asks for it once, and gives an empty module where that fails."""
    import sys
    import time

    for seconds in pauses:
        time.sleep(seconds)
        from f.metaflow.library import load

        if callable(load):
            return load()
        for name in [name for name in sys.modules if name.startswith("f.metaflow.library")]:
            del sys.modules[name]
    raise RuntimeError(
        "Windmill did not hand out the script f/metaflow/library. Is it there, and may you read it? "
        "`metaflow-windmill install` brings it. Otherwise the server is in trouble: run this again."
    )


def main(name: str, payload: dict[str, Any] | None = None, event_id: str = "") -> dict[str, Json]:
    """Publish an event; return what became of each flow that waits for it.

    The form, ``publish_event.script.yaml``, says what each parameter means.
    """
    library()
    from metaflow_windmill.workspace.entry_points import publish_event

    return publish_event(name, payload, event_id or "")
