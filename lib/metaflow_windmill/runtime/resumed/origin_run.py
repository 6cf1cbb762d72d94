"""The run that a resumed run goes on from: its parameters, and what of its tasks is cloned."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.contract.resume_argument import Origin, ResumeOrder
from metaflow_windmill.errors import RetryNotAllowed
from metaflow_windmill.runtime.position.rerun import steps_to_rerun
from metaflow_windmill.runtime.position.task_ids import GRAPH, PARAMETERS, UNBOUNDED, task_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from metaflow_windmill.contract.record import ParameterInfo, Record
    from metaflow_windmill.contract.task_spec import TaskSpec
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.runtime.position.tasks import Artifacts, Tasks
    from metaflow_windmill.types import Json

_CONSTANT = "constant"  # the type of a parameter that no value can be given to
_PARAMETERS_STEP = PARAMETERS.partition("/")[0]
_GANG = "_parallel_ubf_iter"  # metaflow/flowspec.py


@dataclass(frozen=True)
class Clone:
    """A task of the origin, ``run/step/task``, and the id that its clone gets."""

    origin: str
    task: str

    @property
    def run(self) -> str:
        """The run that it comes from."""
        return self.origin.partition("/")[0]


def parameters_of(run: str, record: Record, tasks: Tasks) -> Artifacts:
    """Return the parameters of a run, wherever it ran.

    Raises
    ------
    RetryNotAllowed
        If the datastore has none, so that there is nothing to go on from.
    """
    for _, found in tasks.all_succeeded(_PARAMETERS_STEP):
        return found
    raise RetryNotAllowed(
        f"There is nothing of the run {run} of {record.flow} in the datastore {record.datastore.root}: "
        "it ended before it began, or it kept its data elsewhere. Start a new run instead."
    )


def inherited(order: ResumeOrder, record: Record, given: Mapping[str, Json], origin: Artifacts) -> Json:
    """Return the values of a resumed run's parameters: those that were given anew, else the origin's."""
    kept = {
        info.name: _plain(info, origin[info.python_name])
        for info in record.parameters
        if info.python_name in origin and info.name not in order.parameters and info.type != _CONSTANT
    }
    return {**given, **kept}


def begin(order: ResumeOrder, record: Record, tasks: Tasks, before: Artifacts, origin: Tasks) -> Origin:
    """Return what the tasks of a resumed run are told.

    Parameters
    ----------
    order : ResumeOrder
    record : Record
    tasks : Tasks
        Of this run, whose parameters are there already.
    before : Artifacts
        The parameters of the origin.
    origin : Tasks
        Of the origin. Where it did not run on Windmill, the ids of its tasks are looked up now,
        all at once, and kept for the tasks of this run.
    """
    now = tasks.artifact(PARAMETERS, GRAPH)
    rerun = steps_to_rerun((before.get(GRAPH) or now)["steps"], now["steps"], order.steps)
    anew = [
        info.python_name
        for info in record.parameters
        if info.name in order.parameters or info.python_name not in before
    ]
    said = Origin(order.run, rerun, (GRAPH, *(constant["name"] for constant in now["constants"]), *anew))
    if not said.on_windmill:
        for step, ids in places(origin).items():
            tasks.keep(_places_file(step), ids)
    return said


def places(origin: Tasks) -> dict[str, dict[str, str]]:
    """Return for each step of a run its tasks' ids, by the ids that they would have on Windmill."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for name, artifacts in origin.all_succeeded():
        step, _, task = name.partition("/")
        place = _place(artifacts)
        if step != _PARAMETERS_STEP and place is not None:
            found[step][place] = task
    return dict(found)


def approved(asks: Sequence[str], said: Origin, tasks: Tasks, origin: Tasks) -> list[str]:
    """Return the tasks that are going to be cloned of steps that ask a person: nobody is asked again."""
    steps = [step for step in asks if step not in said.rerun]
    if said.on_windmill:
        return [name for name, _ in origin.all_succeeded(*steps)] if steps else []
    return [f"{step}/{place}" for step in steps for place in (tasks.kept(_places_file(step)) or {})]


def clones(
    task: Task, said: Origin, tasks: Tasks, origin: Tasks, count: int | None = None
) -> Sequence[Clone]:
    """Return what is cloned instead of running a task; nothing where it has to run.

    That is the task at the same position. A control task brings along what it started; where each node of a
    gang is a job of its own, each brings itself, if all of the `count` nodes can.
    """
    step = task.spec.step
    if step in said.rerun:
        return []
    place = task.gang.partition("/")[2] if task.node is not None else task.id
    known = place if said.on_windmill else (tasks.kept(_places_file(step)) or {}).get(place)
    found = origin.succeeded(f"{step}/{known}") if known else None
    if known is None or found is None:
        return []
    nodes = _nodes(known, found) if task.controls or task.node is not None else []
    if not all(origin.succeeded(f"{step}/{node}") for node in nodes):
        return []
    if task.node is not None:
        gang = [known, *nodes]
        return [Clone(f"{said.run}/{step}/{gang[task.node]}", task.id)] if len(gang) == count else []
    # A node is named after its control task, which may have another id here.
    return [
        Clone(f"{said.run}/{step}/{name}", task.id + name.removeprefix(known)) for name in (known, *nodes)
    ]


def cloned_outcome(spec: TaskSpec, origin: Tasks, name: str) -> dict[str, Json]:
    """Return what the next modules of the Windmill flow have to know of a task that was cloned."""
    branch = splits = None
    if spec.tells == "branch":
        branch = origin.artifact(name, "_transition")[0][0]
    if spec.tells == "splits":
        number = origin.artifact(name, "_foreach_num_splits")
        if number is None:
            gang = origin.artifact(name, "_foreach_var") == _GANG
            number = origin.artifact(name, _GANG).num_parallel if gang else UNBOUNDED
        splits = number
    return {"branch": branch, "splits": splits}


def _place(artifacts: Artifacts) -> str | None:
    """Return the id by the position of a task; None for a node of a gang, which its control task brings."""
    frames = list(artifacts.get("_foreach_stack") or ())
    if frames and frames[-1].var == _GANG and frames.pop().index:
        return None
    if any(frame.index is None for frame in frames):
        return None  # a control task of an unbounded foreach: what it started has names of its own there
    turns = artifacts.get("_iteration_stack") or ()
    return task_id((*(("foreach", frame.index) for frame in frames), *(("turn", turn) for turn in turns)))


def _nodes(control: str, artifacts: Artifacts) -> list[str]:
    paths = [path.rpartition("/")[2] for path in artifacts["_control_mapper_tasks"]]
    return [node for node in paths if node != control]


def _places_file(step: str) -> str:
    return f"origin.{step}.json"


def _plain(info: ParameterInfo, value: Json) -> Json:
    """Return a parameter's value as the arguments of a run have it."""
    return json.dumps(value.descriptor) if info.type == "file" and value is not None else value
