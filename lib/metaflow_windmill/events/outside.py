"""Publishing an event from any Python program, by the token of whoever runs it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from metaflow_windmill.client.site import CALL, find_address, open_site
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
        Which Windmill; found as the commands of a flow find it where they are not given: by WINDMILL_HOST,
        WINDMILL_TOKEN and WINDMILL_WORKSPACE, Metaflow's configuration, or your own embedded server.

    Returns
    -------
    Published
        What became of each flow that waits for the event.

    Raises
    ------
    WindmillError
        If Windmill does not answer or does not let us.
    """
    site = open_site(find_address(host, token, workspace), CALL)
    with closing(site.windmill) as windmill:
        return publish(windmill, new_event(name, payload, event_id))
