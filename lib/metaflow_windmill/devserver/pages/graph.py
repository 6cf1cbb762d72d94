"""What a run's graph shows: each module of the flow with its state and the jobs below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.openflow import (
    BranchAll,
    BranchOne,
    FlowValue,
    ForLoop,
    Identity,
    RawScript,
    Script,
    SubFlow,
    WhileLoop,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from metaflow_windmill.openflow import Module
    from metaflow_windmill.types import Json

DEEPEST = 12
"""Levels of branches that are drawn."""

STATES = {"InProgress": "running", "Success": "success", "Failure": "failure", "WaitingForExecutor": "queued"}


@dataclass(frozen=True)
class Run:
    """A flow job as the graph needs it.

    Parameters
    ----------
    flow : FlowValue or None
        None where the job is not there (any more).
    status : JSON value
        Its ``flow_status``.
    jobs : mapping
        The rows of the jobs right below it, by id.
    """

    flow: FlowValue | None
    status: Json
    jobs: Mapping[str, Json]


@dataclass(frozen=True)
class Child:
    """One iteration of a loop."""

    job: str
    state: str


@dataclass(frozen=True)
class Arm:
    """One branch of a container, or the body of a loop."""

    title: str
    nodes: tuple[Node, ...]
    state: str = "waiting"
    job: str | None = None


@dataclass(frozen=True)
class Node:
    """A module.

    Parameters
    ----------
    id, title, kind, state : str
    job : str or None
        The job that runs it or ran it last.
    row : JSON value
        That job's row; None where there is none.
    retries : int
        Attempts that failed before the last one.
    children : tuple of Child
        Iterations, of a loop.
    arms : tuple of Arm
        Branches, or the body of a loop.
    """

    id: str
    title: str
    kind: str
    state: str
    job: str | None = None
    row: Json = None
    retries: int = 0
    children: tuple[Child, ...] = ()
    arms: tuple[Arm, ...] = ()


def state_of(row: Json) -> str:
    """Return the state of a job in one word."""
    if row["type"] != "CompletedJob":
        return "running" if row.get("running") else "queued"
    if row.get("canceled"):
        return "canceled"
    if row.get("is_skipped"):
        return "skipped"
    return "success" if row.get("success") else "failure"


def nodes(run: Run, load: Callable[[str], Run], depth: int = 0) -> tuple[Node, ...]:
    """Return what to draw of a flow job.

    Parameters
    ----------
    run : Run
    load : callable
        Returns the run of a branch by its job's id.
    depth : int
        How many branches it stands in.
    """
    if run.flow is None:
        return ()
    told = (run.status or {}).get("modules", [])
    pairs = [(module, told[at] if at < len(told) else {}) for at, module in enumerate(run.flow.modules)]
    failure = (run.status or {}).get("failure_module") or {}
    if run.flow.failure_module is not None and failure.get("job"):
        pairs.append((run.flow.failure_module, failure))
    place = _Place(run, load, depth)
    return tuple(_node(module, said, place) for module, said in pairs)


def outline(modules: Sequence[Module]) -> tuple[Node, ...]:
    """Return modules that have no state of their own, such as the body of a loop."""
    return tuple(
        Node(
            id=module.id,
            title=title_of(module),
            kind=kind_of(module),
            state="",
            arms=tuple(Arm(title, outline(body)) for title, body in bodies(module) if body),
        )
        for module in modules
    )


def bodies(module: Module) -> list[tuple[str, tuple[Module, ...]]]:
    """Return the branches of a container with their titles; a loop has one, without a title."""
    value = module.value
    if isinstance(value, (ForLoop, WhileLoop)):
        return [("", value.modules)]
    if isinstance(value, BranchAll):
        return [(arm.summary or f"branch {at}", arm.modules) for at, arm in enumerate(value.branches, 1)]
    if isinstance(value, BranchOne):
        cases = [(arm.summary or f"case {at}", arm.modules) for at, arm in enumerate(value.branches, 1)]
        return [*cases, ("otherwise", value.default)]
    return []


def title_of(module: Module) -> str:
    """Return what a module is called."""
    return module.summary or module.id


def kind_of(module: Module) -> str:
    """Return what a module is, for people."""
    value = module.value
    if isinstance(value, ForLoop):
        return "parallel foreach" if value.parallel else "foreach"
    if isinstance(value, BranchAll):
        return "parallel branches" if value.parallel else "branches"
    names = {WhileLoop: "loop", BranchOne: "choice", Identity: "pass on", SubFlow: "flow"}
    names |= {RawScript: "step", Script: "script"}
    return names.get(type(value), "module")


@dataclass(frozen=True)
class _Place:
    """Where a module stands: in which flow job, how deep, and how to read the jobs below."""

    run: Run
    load: Callable[[str], Run]
    depth: int


def _node(module: Module, told: Json, place: _Place) -> Node:
    job = told.get("job")
    row = place.run.jobs.get(job or "")
    return Node(
        id=module.id,
        title=title_of(module),
        kind=kind_of(module),
        state=_state(told, row),
        job=job,
        row=row,
        retries=len(told.get("failed_retries") or ()),
        children=_children(module, told, place.run),
        arms=_arms(module, told, place) if place.depth < DEEPEST else (),
    )


def _state(told: Json, row: Json) -> str:
    if told.get("skipped"):
        return "skipped"
    state = STATES.get(told.get("type", ""), "waiting")
    if row is not None and state in ("running", "failure"):
        own = state_of(row)
        return own if own in ("queued", "canceled") else state
    return state


def _children(module: Module, told: Json, run: Run) -> tuple[Child, ...]:
    if not isinstance(module.value, (ForLoop, WhileLoop)):
        return ()
    return tuple(
        Child(job, state_of(run.jobs[job]) if job in run.jobs else "waiting")
        for job in told.get("flow_jobs") or ()
    )


def _arms(module: Module, told: Json, place: _Place) -> tuple[Arm, ...]:
    shapes = bodies(module)
    jobs = _arm_jobs(module, told, len(shapes))
    return tuple(
        _arm(title, body, job, place) for (title, body), job in zip(shapes, jobs, strict=True) if body or job
    )


def _arm_jobs(module: Module, told: Json, count: int) -> list[str | None]:
    """Return the job of each branch; None where it has none (yet)."""
    jobs: list[str | None] = [None] * count
    if isinstance(module.value, BranchAll):
        started = told.get("flow_jobs") or []
        return [*started[:count], *jobs[len(started) :]]
    chosen = told.get("branch_chosen")
    if isinstance(module.value, BranchOne) and chosen:
        jobs[chosen["branch"] if chosen["type"] == "branch" else -1] = told.get("job")
    return jobs


def _arm(title: str, body: Sequence[Module], job: str | None, place: _Place) -> Arm:
    if job is None:
        return Arm(title, outline(body))
    row = place.run.jobs.get(job)
    inner = nodes(place.load(job), place.load, place.depth + 1) or outline(body)
    return Arm(title, inner, "waiting" if row is None else state_of(row), job)
