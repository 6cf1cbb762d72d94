"""The jobs that a loop or a branch becomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.devserver.engine.definitions import is_simple, part_of
from metaflow_windmill.devserver.engine.inputs import own_timeout, transformed, with_iter
from metaflow_windmill.devserver.engine.plan import Broken, ChildJob, FlowState, ModuleEnd, path_below
from metaflow_windmill.devserver.engine.suspensions import NOBODY
from metaflow_windmill.devserver.engine.unread import known
from metaflow_windmill.devserver.expressions.evaluator import ExpressionError
from metaflow_windmill.devserver.store.flow_rows import DEFAULT_BRANCH, ModuleRun, Shape
from metaflow_windmill.openflow import (
    BranchAll,
    BranchOne,
    ForLoop,
    RawScript,
    Script,
    WhileLoop,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow_windmill.devserver.engine.inputs import Start
    from metaflow_windmill.devserver.engine.leaf_jobs import Leaves
    from metaflow_windmill.devserver.engine.scope import Scope
    from metaflow_windmill.openflow import FlowValue, Module
    from metaflow_windmill.types import Json

NO_RESULT = "{}"
"""What passes through an empty branch that is the first of its flow: a text, as on the real server."""


@dataclass(frozen=True)
class Spread:
    """The children that a container starts now.

    Parameters
    ----------
    module : ModuleRun
    children : iterable of ChildJob
        Made one by one as they are asked for: there may be thousands.
    items : list or None
        Where a sequential loop begins: all it goes through.
    """

    module: ModuleRun
    children: Iterable[ChildJob]
    items: list[Json] | None = None


@dataclass(frozen=True)
class Turn:
    """One iteration of a sequential loop; the first one brings along all that the loop goes through."""

    index: int
    item: Json
    items: list[Json] | None = None


@dataclass(frozen=True)
class Instant:
    """A container that needs no children."""

    module: ModuleRun
    ended: ModuleEnd


class Containers:
    """Makes the children of one flow job that are parts of its value."""

    def __init__(self, flow: FlowState, scope: Scope, leaves: Leaves) -> None:
        self._flow, self._scope, self._leaves = flow, scope, leaves
        self._parts: dict[tuple[int, str], FlowValue] = {}

    def spread(self, start: Start, args: dict[str, Json]) -> Spread | Instant:
        """Begin a container, or its next iteration or branch.

        Parameters
        ----------
        start : Start
        args : dict
            What each child gets, besides its item.

        Raises
        ------
        ExpressionError, Broken
            If the iterator or the parallelism does not work out.
        """
        value = start.module.value
        if isinstance(value, ForLoop):
            return self._for_loop(start, value, args)
        if isinstance(value, WhileLoop):
            return self._iteration(start, value, args, Turn(start.status.started, start.status.started))
        if isinstance(value, BranchOne):
            return self._choice(start, value, args)
        if isinstance(value, BranchAll):
            return self._arms(start, value, args)
        raise Broken(f"Module {start.module.id} is of a kind that the embedded server cannot run.")

    def _for_loop(self, start: Start, loop: ForLoop, args: dict[str, Json]) -> Spread | Instant:
        if start.status.in_progress:
            index = start.status.started
            item = self._scope.item(start.step, start.status.attempt, index)
            return self._iteration(start, loop, args, Turn(index, item))
        items = self._items(start, loop)
        if not items or not loop.modules:
            return nothing(start, "loop")
        if loop.parallel:
            return self._parallel(start, loop, args, items)
        return self._iteration(start, loop, args, Turn(0, items[0], items))

    def _items(self, start: Start, loop: ForLoop) -> list[Json]:
        found = self._scope.transformed(loop.iterator, start.names, previous_id=start.previous_id)
        if not isinstance(found, list):
            raise Broken(f"Expected an array value in the iterator expression, found: {_brief(found)}")
        return found

    def _parallel(self, start: Start, loop: ForLoop, args: dict[str, Json], items: list[Json]) -> Spread:
        at_once = self._parallelism(start, loop)
        path_below(self._flow.job.path, f"forloop-{len(items) - 1}")  # None of them begins where one cannot.

        def children() -> Iterator[ChildJob]:
            for index, item in enumerate(items):
                inner = with_iter(args, "iter", {"index": index, "value": item})
                child = self._part(loop.modules, f"{start.step}-{index}", f"forloop-{index}", inner, index)
                waits = 0 if at_once is None or index < at_once else index - at_once + 1
                yield replace(child, own_root=True, suspended=waits)

        return Spread(_many(start, "loop", len(items)), children())

    def _parallelism(self, start: Start, loop: ForLoop) -> int | None:
        at_once = loop.parallelism
        if at_once is None:
            return None
        if not isinstance(at_once, int):
            names = {"result": start.previous, "previous_result": start.previous}
            at_once = self._scope.transformed(at_once, names, previous_id=start.previous_id)
        if not isinstance(at_once, int) or isinstance(at_once, bool) or at_once < 1:
            raise Broken(f"The parallelism of {start.module.id} is not a whole number above 0: {at_once!r}.")
        return at_once

    def _iteration(
        self, start: Start, loop: ForLoop | WhileLoop, args: dict[str, Json], turn: Turn
    ) -> Spread | Instant:
        """Begin one iteration of a sequential loop."""
        if not loop.modules:
            return nothing(start, "loop")
        index = turn.index
        shape: Shape = "while" if isinstance(loop, WhileLoop) else "loop"
        total = start.status.total if turn.items is None else len(turn.items)
        module = replace(start.status, type="InProgress", shape=shape, total=total, started=index + 1)
        inner = with_iter(args, "iter", {"index": index, "value": turn.item})
        if is_simple(self._flow.value, loop, preview=self._flow.is_preview):
            child = self._simple(start, loop.modules[0], inner, index)
        else:
            child = self._part(loop.modules, f"{start.step}-{index}", f"loop-{index}", inner, index)
        return Spread(module, (child,), turn.items)

    def _simple(self, start: Start, only: Module, flow_input: dict[str, Json], index: int) -> ChildJob:
        """Make an iteration the job of its one leaf, which takes the loop's timeout and id."""
        value = only.value
        if not isinstance(value, (RawScript, Script)):
            raise Broken(f"Module {only.id} cannot be an iteration by itself.")
        said = {name: start.names[name] for name in NOBODY}
        names = {"params": {}, "previous_result": start.previous, **said}
        args, error = transformed(self._scope.with_input(flow_input), value, names, "")
        path = path_below(self._flow.job.path, f"loop-{index}")
        timeout = own_timeout(self._scope, start)
        return self._leaves.child(only, path, args, error, timeout, iteration=index)

    def _choice(self, start: Start, choice: BranchOne, args: dict[str, Json]) -> Spread | Instant:
        try:
            taken = self._taken(start, choice)
        except ExpressionError as why:
            error = {"error": {"message": str(why), "name": "Anyhow"}}
            return Instant(
                replace(start.status, shape="choice"), ModuleEnd(None, success=False, result=error)
            )
        modules = choice.default if taken == DEFAULT_BRANCH else choice.branches[taken].modules
        module = replace(start.status, type="InProgress", shape="choice", branch=taken)
        if not modules:
            passed_on = NO_RESULT if start.step == 0 else known(start.previous)
            return Instant(replace(module, type="Success"), ModuleEnd(None, success=True, result=passed_on))
        child = self._part(modules, str(start.step), f"branchone-{taken + 1}", args, 0)
        return Spread(module, (child,))

    def _taken(self, start: Start, choice: BranchOne) -> int:
        for number, branch in enumerate(choice.branches):
            if self._scope.holds(branch.expr, start.names, previous_id=start.previous_id):
                return number
        return DEFAULT_BRANCH

    def _arms(self, start: Start, value: BranchAll, args: dict[str, Json]) -> Spread | Instant:
        if not value.branches:
            return nothing(start, "arms")
        if value.parallel:
            children = tuple(self._arm(start, value, args, number) for number in range(len(value.branches)))
            return Spread(_many(start, "arms", len(children)), children)
        number = start.status.started
        module = replace(
            start.status, type="InProgress", shape="arms", total=len(value.branches), started=number + 1
        )
        return Spread(module, (self._arm(start, value, args, number),))

    def _arm(self, start: Start, value: BranchAll, args: dict[str, Json], number: int) -> ChildJob:
        modules = value.branches[number].modules
        return self._part(modules, f"{start.step}-{number}", f"branchall-{number}", args, number)

    def _part(
        self, modules: tuple[Module, ...], suffix: str, name: str, args: dict[str, Json], iteration: int
    ) -> ChildJob:
        """Make a part of the flow's value a flow job of its own."""
        preview = self._flow.is_preview
        return ChildJob(
            kind="flowpreview" if preview else "flownode",
            args=args,
            path=path_below(self._flow.job.path, name),
            flow=self._value(modules, suffix),
            tag=self._leaves.tag(None, "flow"),
            iteration=iteration,
        )

    def _value(self, modules: tuple[Module, ...], suffix: str) -> FlowValue:
        """Return the value of a part: one for all iterations, unless their failure modules differ."""
        value, preview = self._flow.value, self._flow.is_preview
        key = (id(modules), suffix if preview and value.failure_module is not None else "")
        if key not in self._parts:
            self._parts[key] = part_of(value, modules, suffix, preview=preview)
        return self._parts[key]


def nothing(start: Start, shape: Literal["loop", "arms"]) -> Instant:
    """End a container that has nothing to go through: its result is the empty list."""
    module = replace(start.status, type="Success", shape=shape, total=0, started=0)
    return Instant(module, ModuleEnd(None, success=True, result=[]))


def _many(start: Start, shape: Literal["loop", "arms"], total: int) -> ModuleRun:
    return replace(
        start.status,
        type="InProgress",
        shape=shape,
        parallel=True,
        total=total,
        started=total,
        done=0,
        failed=0,
    )


def _brief(value: Json) -> str:
    text = str(value)
    return text if len(text) < 200 else f"{text[:200]}..."  # noqa: PLR2004 - enough to recognise it
