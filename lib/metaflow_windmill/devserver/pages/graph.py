"""What a run's graph shows: each module of the flow with its state and the jobs below it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.pages.job_progress import counted, joint
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

    from metaflow_windmill.devserver.pages.job_progress import Tree
    from metaflow_windmill.devserver.store.flow_rows import ModuleRun
    from metaflow_windmill.devserver.store.trees import Twig
    from metaflow_windmill.openflow import Module

DEEPEST = 12
"""Levels of branches that are drawn."""

WAITING, NOT_RUN, WILL_NOT_RUN = "waiting", "not run", "will not run"
ENDS = {"Success": "success", "Failure": "failure"}


@dataclass(frozen=True)
class GraphPart:
    """A flow job, or a part of one that holds modules.

    Parameters
    ----------
    job : str
    flow : FlowValue or None
        None where the job is not there (any more), or is no flow.
    modules : mapping
        What its modules became, by their position.
    """

    job: str
    flow: FlowValue | None = None
    modules: Mapping[int, ModuleRun] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What the nodes of a run are made from: all of its jobs, and how to read one that holds modules."""

    tree: Tree
    load: Callable[[str], GraphPart]


@dataclass(frozen=True)
class GraphTurn:
    """One iteration of a loop; `leaf` is the one job below that says most of it, if there is one."""

    job: str
    state: str
    leaf: str | None = None


@dataclass(frozen=True)
class GraphArm:
    """One branch of a container, or the body of a loop."""

    title: str
    nodes: tuple[GraphNode, ...]
    state: str = WAITING
    job: str | None = None


@dataclass(frozen=True)
class GraphNode:
    """A module.

    Parameters
    ----------
    id, title, kind, state : str
        The state of a body's module is empty: it has one in each iteration.
    job : str or None
        The job that runs it or ran it last.
    began, ended : int or None
        When it really ran, in microseconds since 1970.
    again : int or None
        When the next attempt is due, while that waits.
    retries : int
        Attempts that failed before the last one.
    children : tuple of GraphTurn
        Iterations, of a loop.
    total : int
        How many iterations there shall be.
    arms : tuple of GraphArm
        Branches, or the body of a loop.
    counts : Counter
        Of a module in a loop's body: how many of its jobs are in which state.
    """

    id: str
    title: str
    kind: str
    state: str
    job: str | None = None
    began: int | None = None
    ended: int | None = None
    again: int | None = None
    retries: int = 0
    children: tuple[GraphTurn, ...] = ()
    total: int = 0
    arms: tuple[GraphArm, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)


def nodes(part: GraphPart, run: Run, depth: int = 0) -> tuple[GraphNode, ...]:
    """Return what to draw of a flow job that stands in `depth` branches."""
    if part.flow is None:
        return ()
    made: list[GraphNode] = []
    place = _Place(part, run, depth)
    steps = [*enumerate(part.flow.modules)]
    for position, extra in ((-1, part.flow.preprocessor_module), (len(steps), part.flow.failure_module)):
        if extra is not None and position in part.modules:
            steps.insert(0 if position < 0 else len(steps), (position, extra))
    doomed = False
    for position, module in steps:
        told = part.modules.get(position)
        made.append(_node(module, position, told, place, doomed=doomed))
        doomed = doomed or (told is not None and told.failed > 0 and not module.continue_on_error)
    return tuple(made)


def outline(
    modules: Sequence[Module], counts: Mapping[str, Counter[str]] | None = None
) -> tuple[GraphNode, ...]:
    """Return modules that have no state of their own, such as the body of a loop."""
    known = counts or {}
    return tuple(
        GraphNode(
            id=module.id,
            title=title_of(module),
            kind=kind_of(module),
            state="",
            arms=tuple(GraphArm(title, outline(body, known)) for title, body in bodies(module) if body),
            counts=known.get(module.id, Counter()),
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
    """Where a module stands: in which flow job, and how deep."""

    part: GraphPart
    run: Run
    depth: int

    @property
    def is_over(self) -> bool:
        twig = self.run.tree.twigs.get(self.part.job)
        return twig is None or twig.ended


def _node(module: Module, position: int, told: ModuleRun | None, place: _Place, *, doomed: bool) -> GraphNode:
    if told is None or told.type == "WaitingForPriorSteps":
        left_out = NOT_RUN if place.is_over else WILL_NOT_RUN if doomed else WAITING
        arms = () if place.depth >= DEEPEST else _unbegun_arms(module)
        return GraphNode(module.id, title_of(module), kind_of(module), left_out, arms=arms)
    tree = place.run.tree
    jobs = tree.of_step(place.part.job, position, told.attempt if told.has_list else None)
    said = [tree.told[twig.id] for twig in jobs]
    state = _state(told, [each.state for each in said], is_over=place.is_over)
    ends = [each.ended for each in said if each.ended is not None]
    return GraphNode(
        id=module.id,
        title=title_of(module),
        kind=kind_of(module),
        state=state,
        job=jobs[-1].id if jobs else None,
        began=min((each.began for each in said if each.began is not None), default=None),
        ended=max(ends, default=None) if state not in ("running", "queued") else None,
        again=jobs[-1].scheduled_for if _is_again(jobs, told) else None,
        retries=len(told.failed_retries),
        children=_children(module, jobs, tree),
        total=max(told.total or 0, len(jobs)),
        arms=() if place.depth >= DEEPEST else _arms(module, told, jobs, place),
    )


def _is_again(jobs: Sequence[Twig], told: ModuleRun) -> bool:
    return bool(jobs and told.failed_retries and jobs[-1].state == "queued")


def _state(told: ModuleRun, below: Sequence[str], *, is_over: bool) -> str:
    if told.skipped:
        return "skipped"
    if told.type in ENDS:
        canceled = told.type == "Failure" and below and below[-1] == "canceled"
        return "canceled" if canceled else ENDS[told.type]
    return "canceled" if is_over else joint(below)


def _children(module: Module, jobs: Sequence[Twig], tree: Tree) -> tuple[GraphTurn, ...]:
    if not isinstance(module.value, (ForLoop, WhileLoop)):
        return ()
    return tuple(GraphTurn(twig.id, tree.told[twig.id].state, _leaf(twig, tree)) for twig in jobs)


def _leaf(twig: Twig, tree: Tree) -> str | None:
    """Return the job that says most of an iteration: the one that failed, or the only one that there is."""
    state = tree.told[twig.id].state
    workers = [each for each in tree.under(twig.id) if each.for_worker]
    if twig.for_worker:
        return twig.id
    if state == "failure":
        return next((each.id for each in workers if each.outcome == "failure"), None)
    return workers[0].id if len(workers) == 1 else None


def _unbegun_arms(module: Module) -> tuple[GraphArm, ...]:
    return tuple(GraphArm(title, outline(body)) for title, body in bodies(module) if body)


def _arms(module: Module, told: ModuleRun, below: Sequence[Twig], place: _Place) -> tuple[GraphArm, ...]:
    if isinstance(module.value, (ForLoop, WhileLoop)):
        tree = place.run.tree
        counts = counted((each for twig in below for each in tree.under(twig.id)), tree)
        return (GraphArm("", outline(module.value.modules, counts)),) if module.value.modules else ()
    shapes = bodies(module)
    jobs = _arm_jobs(module, told, below, len(shapes))
    return tuple(
        _arm(title, body, job, place) for (title, body), job in zip(shapes, jobs, strict=True) if body or job
    )


def _arm_jobs(module: Module, told: ModuleRun, below: Sequence[Twig], count: int) -> list[str | None]:
    """Return the job of each branch; None where it has none (yet)."""
    jobs: list[str | None] = [None] * count
    if isinstance(module.value, BranchAll):
        started: list[str | None] = [twig.id for twig in below]
        return [*started[:count], *jobs[len(started) :]]
    if isinstance(module.value, BranchOne) and told.branch is not None:
        jobs[told.branch] = told.job
    return jobs


def _arm(title: str, body: Sequence[Module], job: str | None, place: _Place) -> GraphArm:
    if job is None:
        return GraphArm(title, outline(body))
    inner = nodes(place.run.load(job), place.run, place.depth + 1) or outline(body)
    return GraphArm(title, inner, place.run.tree.state(job), job)
