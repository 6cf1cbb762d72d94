"""Choices written flat: one row of modules, in which whatever was not chosen is left out.

A task that was not chosen is skipped, and a task that is skipped hands on the result of the
module before it. Anything larger stands in a choice of one arm. It must not be skipped itself:
Windmill up to 1.788 asks a container's `skip_if` again before each of its turns and arms, when
the result that it looks at is already that of the turn before (`push_next_flow_job`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.compiler.knots import in_a_row
from metaflow_windmill.openflow import Branch, BranchOne, Identity, Mock, Module

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.compiler.knots import Knot
    from metaflow_windmill.compiler.module_ids import ModuleIds
    from metaflow_windmill.contract.task_spec import ParentStep
    from metaflow_windmill.graph.dag import Dag
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class DecidingResult:
    """A result that tells which of some steps ran last.

    Parameters
    ----------
    result : str
        The expression; where none of the steps ran, what it gives is of no step or of another.
    steps : frozenset of str
    open : bool
        Whether a task that follows hands it on where it is skipped.
    """

    result: str
    steps: frozenset[str]
    open: bool = True


@dataclass(frozen=True)
class Row:
    """The modules written so far, and the results that together tell what ran."""

    modules: tuple[Module, ...]
    tellers: tuple[DecidingResult, ...]


def begun(knot: Knot, lasts: frozenset[str]) -> Row:
    """Return the row that begins with a knot, which always runs.

    Parameters
    ----------
    knot : Knot
    lasts : frozenset of str
        The steps of it of which one runs last: its only one, or its joins.
    """
    modules = in_a_row(knot)
    return Row(modules, (_teller(knot, modules[-1].id, lasts),))


def extended(row: Row, names: ModuleIds, knot: Knot, lasts: frozenset[str], condition: str) -> Row:
    """Return a row with one more knot, which runs if a condition holds."""
    if not knot.one_task:
        chosen = _chosen(names, knot, condition)
        return Row((*row.modules, chosen), (*row.tellers, _teller(knot, chosen.id, lasts)))
    told = row.tellers[-1]
    earlier, handed_on = (row.tellers[:-1], told.steps) if told.open else (row.tellers, frozenset[str]())
    task = replace(knot.own, skip_if=f"!({condition})")
    return Row((*row.modules, task), (*earlier, DecidingResult(f"results.{task.id}", handed_on | lasts)))


def _teller(knot: Knot, id_: str, lasts: frozenset[str]) -> DecidingResult:
    last_turn = ".slice(-1)[0]" if knot.returns else ""
    return DecidingResult(f"results.{id_}{last_turn}", lasts, open=not knot.returns)


def _chosen(names: ModuleIds, knot: Knot, condition: str) -> Module:
    """Return the choice whether to run a knot.

    Where it does not run, the choice has a result in which no step is found. That of an
    `identity` would be the arguments of the run, where anything may be found.
    """
    nothing: Json = [{}] if knot.returns else {}
    value = BranchOne(
        (Branch(condition, in_a_row(knot), knot.step),),
        (_stands_for(names, knot.own.id, nothing, "not chosen"),),
    )
    return Module(names.of_part(knot.own.id, "chosen"), value, f"{knot.step}, if chosen")


def _stands_for(names: ModuleIds, owner: str, result: Json, summary: str) -> Module:
    """Return a module that does nothing and has a result."""
    mock = Mock(enabled=True, return_value=result)
    return Module(names.of_part(owner, "pass"), Identity(), summary, mock=mock)


def leads_to(row: Row, dag: Dag, name: str, sources: Iterable[ParentStep]) -> str:
    """Return the condition under which one of the steps that may lead to a step did.

    Parameters
    ----------
    row : Row
        All before the step.
    dag : Dag
    name : str
        The step.
    sources : iterable of ParentStep
        The steps that may lead to it.
    """
    steps = [source.step for source in sources]
    return " || ".join(part for teller in row.tellers for part in _told(teller, dag, name, steps))


def _told(teller: DecidingResult, dag: Dag, name: str, sources: Iterable[str]) -> list[str]:
    switches = [step for step in sources if step in teller.steps and dag[step].kind == "switch"]
    straight = sorted(step for step in sources if step in teller.steps and step not in switches)
    by_branch = [f"{teller.result}.branch === {json.dumps(dag.chosen_as(name))}"] if switches else []
    by_step = [f"{json.dumps(straight)}.includes({teller.result}.step)"] if straight else []
    return by_branch + by_step


def ended(row: Row, names: ModuleIds, dag: Dag, leads: tuple[ParentStep, ...]) -> Row:
    """Return a row whose last result tells which join it leads to, where there are several.

    Parameters
    ----------
    row : Row
    names : ModuleIds
    dag : Dag
    leads : tuple of ParentStep
        The steps that may be its last and lead to a join.
    """
    joins = sorted({join for source in leads for join in dag[source.step].next})
    last = row.tellers[-1].steps
    if len(joins) == 1 or all(source.step in last for source in leads):
        return row
    owner = row.modules[-1].id
    branches = []
    for join in joins:
        sources = [source for source in leads if join in dag[source.step].next]
        result = _stands_for(names, owner, {"step": sources[0].step}, sources[0].step)
        branches.append(Branch(leads_to(row, dag, join, sources), (result,), f"to {join}"))
    other = _stands_for(names, owner, {}, "no such end")
    which = Module(names.of_part(owner, "which"), BranchOne(tuple(branches), (other,)), "how it ended")
    return Row((*row.modules, which), row.tellers)
