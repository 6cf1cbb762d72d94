"""What of this project goes into the code package of a flow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import metaflow_windmill

if TYPE_CHECKING:
    from collections.abc import Iterator

# A server is no part of a task, and neither is what workspaces get. Everything else is small, and lets a task
# deploy and trigger other flows.
LEFT_OUT = frozenset({"devserver", "f_metaflow", "__pycache__"})


def runtime_files() -> Iterator[tuple[str, str]]:
    """Yield the files of this project that a task needs: each one's path and its name in the package."""
    root = Path(metaflow_windmill.__file__).parent
    for file in sorted(root.rglob("*.py")):
        name = file.relative_to(root)
        if not LEFT_OUT & set(name.parts):
            yield str(file), str(Path(root.name) / name)
