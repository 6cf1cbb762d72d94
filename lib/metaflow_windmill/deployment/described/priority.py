"""``--workflow-priority``: which of Windmill's servers know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from metaflow_windmill.client.windmill import Windmill

LOWEST, HIGHEST = 1, 100
"""As on the page of a flow's settings; a higher one goes first."""

_OPEN_SOURCE = "CE "


def check_priority(windmill: Windmill, priority: int | None) -> None:
    """Refuse a priority that the server would ignore.

    Raises
    ------
    DeployError
        If the server is of Windmill's open-source edition.
    """
    version = "" if priority is None else windmill.version()
    if version.startswith(_OPEN_SOURCE):
        raise DeployError(
            f"Windmill has priorities in its Enterprise edition only, and this server is {version}: leave "
            "--workflow-priority out, and give the flow workers of its own with @windmill(tag=...)"
        )
