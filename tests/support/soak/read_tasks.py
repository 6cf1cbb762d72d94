"""Print the tasks of flows as Metaflow's client sees them, as JSON: run in the runs' own environment."""

from __future__ import annotations

import json
import sys
from collections import Counter
from itertools import chain
from typing import Any


def main(flows: list[str]) -> None:
    from metaflow import Flow, namespace
    from metaflow.exception import MetaflowNotFound

    namespace(None)
    told = []
    for name in flows:
        try:
            runs = list(Flow(name))
        except MetaflowNotFound:
            continue
        told += [_task(name, run.id, task) for run in runs for task in chain.from_iterable(run)]
    json.dump(told, sys.stdout)


def _task(flow: str, run: str, task: Any) -> dict[str, Any]:
    about = task.metadata_dict
    return {
        "flow": flow,
        "run": run,
        "step": task.parent.id,
        "id": task.id,
        "job": about.get("windmill-job-id"),
        "successful": task.successful,
        "attempt": task.current_attempt,
        "cloned": task.origin_pathspec is not None,
        "artifacts": {item.id: item.data for item in task if not item.id.startswith(("broken", "items"))},
        "lines": Counter(line for line in task.stdout.splitlines() if line.startswith("soak ")),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
