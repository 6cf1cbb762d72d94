# requirements:
# metaflow==2.19.39
# requests==2.34.2
# tomli==2.2.1;python_version<'3.11'
# wmill==1.788.0
"""Looks at an installation from a worker, and says what to do about each thing that is not well.

``metaflow-windmill doctor --workers`` runs it once on every worker.
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


def main(
    datastore: str = "",
    datastore_root: str = "",
    folder: str = "",
    version: str = "",
    probe: dict[str, str] | None = None,
) -> dict[str, Json]:
    """Look, and return a table of what was found."""
    library()
    from metaflow_windmill.workspace.entry_points import doctor

    return doctor(datastore, datastore_root, folder, version, probe or {})
