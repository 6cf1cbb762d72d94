"""The command lines of Metaflow's ``init`` and ``step``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.position.task_ids import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from metaflow_windmill.contract.record import ParameterInfo, Record
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.runtime.resumed.origin_run import Clone
    from metaflow_windmill.types import Json


def init_arguments(record: Record, run: str, given: Mapping[str, Json]) -> list[str]:
    """Return the arguments that make the parameters of a run.

    Parameters
    ----------
    record : Record
    run : str
    given : mapping of str to JSON value
        The flow's input; what is no parameter is left out.
    """
    return [
        *_top_level(record),
        "init",
        f"--run-id={run}",
        f"--task-id={PARAMETERS.partition('/')[2]}",
        *(f"--tag={tag}" for tag in record.tags),
        *_parameters(record.parameters, given),
    ]


def clone_arguments(task: Task, clone: Clone, attempt: int) -> list[str]:
    """Return the arguments that clone one task instead of running it."""
    return [
        *_top_level(task.record),
        "step",
        task.spec.step,
        f"--run-id={task.run}",
        f"--task-id={clone.task}",
        f"--retry-count={attempt}",
        f"--clone-only={clone.origin}",
        f"--clone-run-id={clone.origin.partition('/')[0]}",
        *(f"--tag={tag}" for tag in task.record.tags),
    ]


def step_arguments(
    task: Task, inputs: Sequence[str], attempt: int, origin: str | None = None, *, lost: int = 0
) -> list[str]:
    """Return the arguments that run one task.

    The inputs may be thousands: no process is started with them, so no limit of the system applies.

    Parameters
    ----------
    task : Task
    inputs : sequence of str
    attempt : int
    origin : str or None
        The run that this one goes on from.
    lost : int
        How many of the attempts before were lost with their workers: they are none of the user's.
    """
    record, spec = task.record, task.spec
    return [
        *_top_level(record),
        "--with=windmill_internal",
        "step",
        spec.step,
        f"--run-id={task.run}",
        f"--task-id={task.id}",
        f"--input-paths={','.join(inputs)}",
        f"--retry-count={attempt}",
        f"--max-user-code-retries={spec.user_retries + lost}",
        *_split(task),
        *([f"--clone-run-id={origin}"] if origin else []),
        *(f"--tag={tag}" for tag in record.tags),
        *([f"--namespace={record.namespace}"] if record.namespace is not None else []),
    ]


def _top_level(record: Record) -> list[str]:
    return [
        "--quiet",
        "--no-pylint",
        f"--metadata={record.metadata.type}",
        f"--datastore={record.datastore.type}",
        f"--datastore-root={record.datastore.root}",
        *record.top_level,
    ]


def _split(task: Task) -> list[str]:
    """Say which split this is: in the first step of a foreach's body, and there in its first turn, only."""
    if task.spec.gang:
        return ["--split-index=0", "--ubf-context=ubf_control"]
    if task.unbounded:
        return ["--ubf-context=ubf_control"]
    if task.node is not None:
        return [f"--split-index={task.node}", f"--ubf-context={'ubf_task' if task.node else 'ubf_control'}"]
    follows = any(item.at == "outer" for item in task.spec.inputs)
    return [f"--split-index={task.around[-1][1]}"] if follows and not task.turn else []


def _parameters(infos: Sequence[ParameterInfo], given: Mapping[str, Json]) -> Iterator[str]:
    """Yield an option for each parameter that has a value; the rest is left to the flow's own defaults."""
    for info in infos:
        value = given.get(info.name)
        value = info.default if value is None else value
        if value is not None and (info.made or value != info.default):
            yield f"--{info.name}={_word(info, value)}"


def _word(info: ParameterInfo, value: Json) -> str:
    """Write a value as it would stand on the command line."""
    if info.type == "json":
        return json.dumps(value)
    if info.separator and isinstance(value, list):
        return info.separator.join(map(str, value))
    if info.type == "int" and isinstance(value, float) and value.is_integer():
        return str(int(value))  # what a form or a JavaScript expression makes of a number
    return value if isinstance(value, str) else json.dumps(value)
