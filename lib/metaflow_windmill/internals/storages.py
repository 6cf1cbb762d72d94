"""Metaflow's storages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.internals.shapes import StorageKind


def storage_kinds() -> dict[str, StorageKind]:
    """Return the classes of storages by their types, such as ``s3``."""
    from metaflow.plugins import DATASTORES

    return {str(kind.TYPE): kind for kind in DATASTORES}
