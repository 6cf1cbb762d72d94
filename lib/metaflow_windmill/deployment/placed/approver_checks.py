"""Who may answer the question of a step: what a server can ask for, and what it cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json


def check_groups(windmill: Windmill, value: Json) -> None:
    """Refuse a question for members of groups where the server asks no group.

    Raises
    ------
    DeployError
        If the server is of Windmill's open-source edition, where owners and admins could answer.
    """
    version = windmill.version() if '"user_groups_required":' in json.dumps(value) else ""
    if version.startswith("CE "):
        raise DeployError(
            f"Windmill asks members of groups in its Enterprise edition only, and this server is {version}: "
            "leave 'groups' of the approval out, or say 'self_approval': False, which every edition knows"
        )
