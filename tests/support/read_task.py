"""A program: read_task.py PATHSPEC prints one task as Metaflow's client sees it, as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow.client.core import DataArtifact


def main(pathspec: str) -> None:
    from metaflow import Task, namespace

    namespace(None)
    task = Task(pathspec)
    seen = {
        "artifacts": {artifact.id: _shown(artifact) for artifact in task},
        "attempt": task.current_attempt,
        "successful": task.successful,
        "finished": task.finished,
        "exception": str(task.exception) if task.exception else None,
        "metadata": task.metadata_dict,
        "tags": sorted(task.tags),
        "system_tags": sorted(task.system_tags),
        "stdout": task.stdout,
        "stderr": task.stderr,
    }
    json.dump(seen, sys.stdout)


def _shown(artifact: DataArtifact) -> str:
    try:
        return repr(artifact.data)
    except AttributeError:
        return "of a class that only the flow knows"


if __name__ == "__main__":
    main(*sys.argv[1:])
