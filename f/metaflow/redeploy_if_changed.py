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


def main(configuration: str) -> dict[str, Json]:
    """Deploy what is new, and remember it."""
    library()
    from metaflow_windmill.workspace.entry_points import redeploy_if_changed

    return redeploy_if_changed(configuration)
