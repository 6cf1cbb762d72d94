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


def main(name: str, payload: dict[str, Any] | None = None, event_id: str = "") -> dict[str, Json]:
    """Publish an event; return what became of each flow that waits for it.

    The form, ``publish_event.script.yaml``, says what each parameter means.
    """
    from f.metaflow.library import load

    load()
    from metaflow_windmill.workspace.scripts import publish_event

    return publish_event(name, payload, event_id or "")
