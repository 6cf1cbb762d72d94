"""What a job returns: small, whatever the task's data is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from metaflow_windmill.contract.pack import TASKS
from metaflow_windmill.contract.resume_argument import CLONED
from metaflow_windmill.errors import RetryNotAllowed
from metaflow_windmill.runtime.position.task_ids import UNBOUNDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.contract.task_spec import TaskSpec
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.types import Json

LABELS = "wm_labels"
"""The key of a result by which a job gets labels on Windmill's pages and in its lists."""

_TOLD_ON = ("origin", "trigger", "deadline", "root", "tags", "approved")
_PASSED_ON = (CLONED, LABELS, *_TOLD_ON)


def result(task: Task, outcome: Json) -> dict[str, Json]:
    """Return the result of a task's job.

    Parameters
    ----------
    task : Task
    outcome : JSON value
        What the task left: ``branch``, the step that a switch chose, and ``splits``, the size
        of a foreach or of a gang; None each where it does not apply. Of a clone also ``cloned``,
        the task that it comes from; of the start step of a resumed run, ``origin``, and of a run
        that events started, ``trigger``, and of one that may not take for ever ``deadline``.

    Raises
    ------
    RetryNotAllowed
        If a foreach makes more splits than it may, with the words of Metaflow's own runtime.
    """
    _check_splits(task.spec, outcome["splits"])
    said: dict[str, Json] = {"run_id": task.run, "step": task.spec.step, "task": task.id}
    if outcome["branch"] is not None:
        said["branch"] = outcome["branch"]
    if outcome["splits"] is not None:
        said |= _loop(task.spec, outcome["splits"])
    return said | {name: outcome[name] for name in _PASSED_ON if name in outcome}


def packed(results: Sequence[dict[str, Json]], rows: list[dict[str, Json]]) -> dict[str, Json]:
    """Return the result of a job of several tasks: that of the last one, what the first tells, a list of all.

    Parameters
    ----------
    results : sequence of dict
        Of each task, in order.
    rows : list of dict
        What became of each.
    """
    first, last = results[0], dict(results[-1])
    labels = _labels(results)
    for name in (CLONED, LABELS):
        last.pop(name, None)
    told = {name: first[name] for name in _TOLD_ON if name in first}
    return {**last, **told, **({LABELS: labels} if labels else {}), TASKS: rows}


def _labels(results: Sequence[dict[str, Json]]) -> list[str]:
    """Return the labels of a job of several tasks: it is a clone if all of them are."""
    cloned = all(CLONED in result for result in results)
    found = dict.fromkeys(label for result in results for label in result.get(LABELS, ()))
    return [label for label in found if label != CLONED or cloned]


def _loop(spec: TaskSpec, splits: int) -> dict[str, Json]:
    """Return what the loop over the splits needs: with lanes, also the number of each.

    The loop goes over those numbers, since each task in it is given the item of every loop around.
    """
    dealt = _dealt(spec, splits)
    lanes = {} if spec.lanes is None else {"lanes": list(range(len(dealt)))}
    return {"foreach": dealt, **lanes, "count": splits}


def _check_splits(spec: TaskSpec, splits: int | None) -> None:
    if splits is not None and spec.max_splits is not None and splits > spec.max_splits:
        raise RetryNotAllowed(
            f"Foreach in step *{spec.step}* yielded {splits} child steps which is more than the current "
            f"maximum of {spec.max_splits} children. You can raise the maximum with the --max-num-splits "
            "option of the command that deploys the flow."
        )


def _dealt(spec: TaskSpec, splits: int) -> list[Json]:
    """Return the numbers of the splits, ranges of them or chunks; in lanes, those of each lane.

    A lane gets every so many-th, a chunk some of its lane's that follow one another.
    """
    turns = _ranges(splits, spec.ranges) if spec.ranges else _numbers(splits)
    if spec.lanes is None:
        return _chunks(turns) if spec.chunks else list(turns)
    lanes = min(spec.lanes, len(turns))
    dealt = [turns[lane::lanes] for lane in range(lanes)]
    return [_chunks(lane) if spec.chunks else list(lane) for lane in dealt]


def _chunks(numbers: Sequence[Json]) -> list[Json]:
    """Return numbers at one distance in chunks, each its first, how many it has, and that distance.

    About as many chunks as each has numbers.
    """
    size = math.isqrt(max(0, len(numbers) - 1)) + 1
    chunks = (numbers[first : first + size] for first in range(0, len(numbers), size))
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    return [[chunk[0], len(chunk), step] for chunk in chunks]


def _numbers(splits: int) -> Sequence[Json]:
    return [UNBOUNDED] if splits == UNBOUNDED else range(splits)


def _ranges(splits: int, most: int) -> list[Json]:
    """Return the splits in ranges, each the first and the one after the last."""
    if splits == UNBOUNDED:
        return [[UNBOUNDED, UNBOUNDED + 1]]
    return [[first, min(first + most, splits)] for first in range(0, splits, most)]
