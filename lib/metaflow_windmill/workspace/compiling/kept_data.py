"""A program that tells what a run keeps in Metaflow's datastore, for the embedded server's pages.

It reads a question from its input and writes the answer to its output, both JSON. It runs apart from the
server, which so needs no Metaflow, and loads no artifact: of each it tells the name, the type and the size.
"""

from __future__ import annotations

import json
import os
import re
import sys
from itertools import islice
from typing import TYPE_CHECKING

from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.deployment.placed.ownership import record_in
from metaflow_windmill.errors import MetaflowWindmillError
from metaflow_windmill.workspace.kept_runs import cards_of, known_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.types import Json

MOST_OF_STEP, MOST_CARDS = 20, 100
"""Tasks of a step, and cards of a task, that are told."""

OWN = {"name"}
"""What Metaflow itself keeps with each task beside the artifacts."""

_CLASS = re.compile(r"<class '(?:(?:builtins|__main__)\.)?(.*)'>", re.DOTALL)


def main() -> int:
    """Answer the question; what Metaflow prints goes elsewhere."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        json.dump(answer(json.load(sys.stdin)), out)
    return 0


def answer(asked: Json) -> dict[str, Json]:
    """Return what is asked for.

    Parameters
    ----------
    asked : dict
        ``environment``, the flow's constants; ``run``, the flow job; for a card its ``task`` and its number
        there, ``card``.

    Returns
    -------
    dict
        ``tasks``, ``html`` or, if it cannot be told, ``error``.
    """
    try:
        record = record_in({"flow_env": asked["environment"]})
        if record is None:
            return {"error": "This is no run of a flow of Metaflow."}
        run_id = run_id_of(asked["run"])
        with known_run(record, run_id):
            if "card" in asked:
                return {"html": _card(asked["task"], int(asked["card"]))}
            return {"tasks": list(_tasks(record, run_id))}
    except MetaflowWindmillError as why:
        return {"error": str(why)}
    except Exception as why:  # noqa: BLE001 - whatever a datastore or its libraries raise, a page can show it
        return {"error": f"What the run keeps cannot be read ({type(why).__name__}: {why})."}


def _tasks(record: Record, run_id: str) -> Iterator[dict[str, Json]]:
    from metaflow import Run

    from metaflow_windmill.internals.running import artifacts_in
    from metaflow_windmill.runtime.position.tasks import flow_datastore

    store = flow_datastore(record)
    for step in reversed(list(Run(f"{record.flow}/{run_id}"))):
        tasks = list(islice(step, MOST_OF_STEP + 1))
        for task in tasks[:MOST_OF_STEP]:
            cards = [item.id or item.type for item in cards_of(task)[:MOST_CARDS]]
            kept = store.get_task_datastore(run_id, step.id, task.id, allow_not_done=True)
            artifacts = [_artifact(name, info) for name, info in sorted(artifacts_in(kept).items())]
            told = [each for each in artifacts if each["name"] not in OWN and each["name"][0] != "_"]
            yield {"step": step.id, "task": task.pathspec, "artifacts": told, "cards": cards}
        if len(tasks) > MOST_OF_STEP:
            yield {"step": step.id, "task": None}


def _artifact(name: str, info: Mapping[str, Json]) -> dict[str, Json]:
    said = str(info.get("type", ""))
    found = _CLASS.fullmatch(said)
    return {"name": name, "type": found[1] if found else said, "size": int(info.get("size", 0))}


def _card(task: str, number: int) -> str:
    from metaflow import Task

    return str(cards_of(Task(task))[number].get())


if __name__ == "__main__":
    sys.exit(main())
