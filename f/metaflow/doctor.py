# requirements:
# metaflow-windmill
# wmill
"""Looks at an installation from a worker, and says what to do about each thing that is not well.

``metaflow-windmill doctor --workers`` runs it once on every worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def main(
    datastore: str = "",
    datastore_root: str = "",
    folder: str = "",
    version: str = "",
    probe: dict[str, str] | None = None,
) -> dict[str, Json]:
    """Look, and return a table of what was found."""
    from metaflow_windmill.workspace.scripts import doctor

    return doctor(datastore, datastore_root, folder, version, probe or {})
