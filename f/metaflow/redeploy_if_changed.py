# requirements:
# metaflow==2.19.39
# requests==2.34.2
# tomli==2.2.1;python_version<'3.11'
# wmill==1.788.0
"""Deploys a configured repository if its branch has moved since: for a schedule.

It looks at the head of the branch by one request, and does nothing more if that is deployed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def main(configuration: str) -> dict[str, Json]:
    """Deploy what is new, and remember it."""
    from f.metaflow.library import load

    load()
    from metaflow_windmill.workspace.scripts import redeploy_if_changed

    return redeploy_if_changed(configuration)
