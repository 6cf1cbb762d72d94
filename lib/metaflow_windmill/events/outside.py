"""Publishing an event from any Python program, by the token of whoever runs it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.retrying import Retrying
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.events.publish import new_event, publish

if TYPE_CHECKING:
    from metaflow_windmill.events.publish import Published
    from metaflow_windmill.types import Json


def publish_event(
    name: str,
    payload: dict[str, Json] | None = None,
    *,
    event_id: str = "",
    host: str | None = None,
    token: str | None = None,
    workspace: str | None = None,
) -> Published:
    """Start every flow that waits for an event.

    Parameters
    ----------
    name : str
    payload : dict, optional
        What the flows' parameters are filled from.
    event_id : str
        The same for each try to publish the same event; made up if empty.
    host, token, workspace : str, optional
        As WINDMILL_HOST, WINDMILL_TOKEN and WINDMILL_WORKSPACE, which are taken where they are not given.

    Returns
    -------
    Published
        What became of each flow that waits for the event.

    Raises
    ------
    WindmillError
        If Windmill does not answer or does not let us.
    """
    transport = HttpTransport(
        host or os.environ.get("WINDMILL_HOST", "http://localhost:8000"),
        token or os.environ.get("WINDMILL_TOKEN", ""),
    )
    where = workspace or os.environ.get("WINDMILL_WORKSPACE", "admins")
    return publish(Windmill(Retrying(transport), where), new_event(name, payload, event_id))
