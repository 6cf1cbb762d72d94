"""What the tokens of the scripts' jobs open, on servers that can restrict them (``job_token_scopes``).

Each scope stands for what a script asks of Windmill; none widens a user's rights. ``publish_event`` has
none: the flows that it starts would inherit them, and only they know what their steps need.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.deployment.placed.newer import TOKENS_SCOPED

if TYPE_CHECKING:
    from metaflow_windmill.workspace.installing.shipped import Shipment, ShippedScript

FIELD = "job_token_scopes"

_LIBRARY = "scripts:read:f/metaflow/*"
"""Windmill's loader fetches the library by the job's token."""
_DEPLOYS = (
    _LIBRARY,
    "users:read",  # who deploys, and where that person may write
    "folders:write",  # the folder of the flows is made if it is missing
    "flows:write",
    "schedules:write",
    "resources:write",  # the repository's configuration, who waits for which event, what was deployed last
    "jobs:read",  # whether the packages of a flow were locked
)
SCOPES: dict[str, tuple[str, ...]] = {
    "compile_and_deploy": _DEPLOYS,
    "doctor": (
        _LIBRARY,
        "users:read",
        "folders:read",
        "flows:read",  # which code packages a worker has to reach
        "jobs:read",  # the tag that brought the job to its worker
    ),
    "library": (),
    "redeploy_if_changed": _DEPLOYS,
    "redeploy_on_push": _DEPLOYS,
    "show_card": (_LIBRARY, "jobs:read", "flows:read"),  # the run's flow, which says where its data is
}


def for_release(shipment: Shipment, release: tuple[int, ...]) -> Shipment:
    """Return what is shipped as a server of a release takes it; ``()`` for one that is not known.

    An older server would drop the field, and each installation would send it again.
    """
    if release < TOKENS_SCOPED:
        return shipment
    return replace(shipment, scripts=tuple(map(_restricted, shipment.scripts)))


def _restricted(script: ShippedScript) -> ShippedScript:
    scopes = SCOPES.get(script.path.rpartition("/")[2])
    return script if scopes is None else replace(script, body={**script.body, FIELD: list(scopes)})
