"""Turns the graph into modules: what stands in a row, in branches, in loops."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.compiler.knots import JoinCase, Knot
from metaflow_windmill.compiler.merges import SPLITTING, following, ways
from metaflow_windmill.compiler.pack_modules import items_of, row_of
from metaflow_windmill.compiler.place import Arrival, Context, Place, Section
from metaflow_windmill.compiler.rows import begun, ended, extended, leads_to
from metaflow_windmill.compiler.tangles import region
from metaflow_windmill.compiler.task_modules import chunked, lanes, task_module
from metaflow_windmill.contract.task_spec import Input, ParentStep
from metaflow_windmill.openflow import (
    Arm,
    Branch,
    BranchAll,
    BranchOne,
    ForLoop,
    Identity,
    Javascript,
    Module,
    RawScript,
    StopAfterIf,
    WhileLoop,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from metaflow_windmill.compiler.place import Part
    from metaflow_windmill.graph.dag import Dag, Step


ITEMS_OF_CHUNK = (
    "Array.from({length: flow_input.iter.value[1]}, "
    "(_, at) => flow_input.iter.value[0] + at * flow_input.iter.value[2])"
)
"""The numbers of a chunk's splits: JavaScript once a chunk, so that no look-up of a task goes through all."""


def sequence(
    context: Context, first: str | None, stop: str | None, arrival: Arrival, place: Place
) -> Section:
    """Return the modules from a step up to where its level ends, or up to `stop`.

    Parameters
    ----------
    context : Context
    first : str or None
        Where None, there are no modules.
    stop : str or None
        A step that all ways come through, which is left to the caller.
    arrival : Arrival
        How the first step is reached.
    place : Place
    """
    modules: list[Module] = []
    leads = arrival.inputs[0].any_of if arrival.inputs else ()
    name = first
    while name not in (None, stop):
        row = row_of(context, name, stop)
        section = _step(context, row, arrival, place)
        modules += section.modules
        leads = section.leads
        onwards = (context.after[row[-1].name], Arrival((Input(leads),)))
        name, arrival = section.join or onwards
    return Section(tuple(modules), leads)


def _step(context: Context, row: Sequence[Step], arrival: Arrival, place: Place) -> Section:
    """Return the modules of steps that are one job and, of the last, of its split, its joins, its choice."""
    knot, step = _knot(context, row, arrival, place), row[-1]
    if step.name in context.flat:
        return _flat(context, step, _closed(context, knot, place), place)
    modules = (knot.own, *knot.parts)
    if step.kind == "switch":
        rest = _choice(context, step, knot.own, place)
    elif knot.endings:
        rest = _which_join(context, step, knot, place)
    else:
        rest = Section((), tuple(source for source, _ in ways(context.dag, step)))
    return Section((*modules, *rest.modules), rest.leads, knot.join)


def _knot(context: Context, row: Sequence[Step], arrival: Arrival, place: Place) -> Knot:
    """Return the module of steps that are one job with the last one's turns, its split and its joins.

    What its switch chooses is left out.
    """
    step = row[-1]
    if step.case_of is not None:
        return _fan(context, step, step.case_of, arrival, place)
    if step.recursive:
        return Knot(step.name, _turns(context, step, arrival, place))
    own = task_module(context, row, arrival, place)
    if step.kind == "split":
        return _branches(context, step, own, place)
    if step.kind == "foreach":
        return _loop(context, step, own, place)
    if step.kind == "gang":
        return _gang(context, step, own, place)
    return Knot(step.name, own)


def _turns(context: Context, step: Step, arrival: Arrival, place: Place) -> Module:
    """Return the loop around a step that returns to itself."""
    task = task_module(context, (step,), arrival, place.inside(step.name, "turn"))
    loop = _looped(context.names.of_part(task.id, "turns"), f"turns of {step.name}", WhileLoop((task,)))
    return replace(loop, stop_after_if=StopAfterIf(f"result.branch !== {json.dumps(step.name)}"))


# Choices


def _choice(context: Context, step: Step, own: Module, place: Place) -> Section:
    """Return the choice after a switch, with an arm for each step that it may lead to."""
    source = ParentStep(step.name, step.recursive)
    if len(step.next) == 1:
        return Section((), (source,))
    # A loop of turns gives the list of their results, and hides those of its inside.
    result = f"results.{own.id}.slice(-1)[0]" if step.recursive else f"results.{own.id}"
    arrival, stop = Arrival((Input((source,)),)), context.after[step.name]
    arms = [
        (
            _of_cases(step, context.dag.chosen_as(target)),
            f"{result}.branch === {json.dumps(context.dag.chosen_as(target))}",
            sequence(context, target, stop, arrival, place.inside(step.name)),
        )
        for target in step.next
    ]
    return _one_of(context, own.id, f"switch on {step.over}", arms)


def _of_cases(step: Step, target: str) -> str:
    return "case " + ", ".join(case.value for case in step.cases if case.step == target)


def _one_of(context: Context, owner: str, summary: str, arms: Sequence[tuple[str, str, Section]]) -> Section:
    """Return a choice among arms, each a summary, a predicate and what it does."""
    branches = tuple(
        Branch(predicate, section.modules or (_nothing(context, owner),), text)
        for text, predicate, section in arms
    )
    value = BranchOne(branches, (_nothing(context, owner, "no such case"),))
    module = Module(context.names.of_part(owner, "switch"), value, summary)
    leads = _latest_first(context, (source for _, _, section in arms for source in section.leads))
    return Section((module,), leads)


def _nothing(context: Context, owner: str, summary: str = "straight on") -> Module:
    """Return a module that does nothing: Windmill does not take well to a branch without any."""
    return Module(context.names.of_part(owner, "pass"), Identity(), summary)


# Splits


def _branches(context: Context, step: Step, own: Module, place: Place) -> Knot:
    """Return a static split with its branches and its join."""
    id_, arrival = context.names.of_part(own.id, "split"), Arrival((Input((ParentStep(step.name),)),))
    module, joins = _split(context, step, id_, arrival, place)
    return _joined(context, step, (own, module), place, first=f"results.{module.id}[0]", joins=joins)


def _fan(context: Context, step: Step, switch: str, arrival: Arrival, place: Place) -> Knot:
    """Return the split in a case that leads to several steps at once: what is split is the switch's task."""
    id_ = context.names.of_part(context.names.first(switch), "fan")
    module, joins = _split(context, step, id_, arrival, place)
    return _joined(context, step, (module,), place, first=f"results.{module.id}[0]", joins=joins)


def _split(
    context: Context, step: Step, id_: str, arrival: Arrival, place: Place
) -> tuple[Module, dict[str, Arrival]]:
    """Return the container of a static split's branches, and how each join that they lead to is reached."""
    arms = [sequence(context, first, None, arrival, place.inside(step.name)) for first in step.next]
    value = BranchAll(
        tuple(Arm(arm.modules, first) for first, arm in zip(step.next, arms, strict=True)),
        # Inside a limited foreach an item has one task at a time, so that its lane counts as one.
        parallel=not place.limited,
    )
    joins = {
        join: Arrival(tuple(Input(_leading_to(context, join, arm.leads)) for arm in arms))
        for join in _joins(context, arms)
    }
    return Module(id_, value, "split"), joins


def _loop(context: Context, step: Step, own: Module, place: Place) -> Knot:
    """Return a foreach with its loop, or the lanes or chunks and their loops, and its join."""
    parts: tuple[Part, ...] = ("lane",) if lanes(context, place) is not None else ()
    parts += ("chunk",) if chunked(context, step) else ()
    inside = place.inside(step.name, *parts, "foreach")
    inside = replace(inside, items=items_of(context, step))
    body = sequence(context, step.next[0], None, Arrival((Input((ParentStep(step.name),), "outer"),)), inside)
    modules = body.modules
    for part in reversed(parts):
        over = ITEMS_OF_CHUNK if part == "chunk" else f"results.{own.id}.foreach[flow_input.iter.value]"
        items = ForLoop(Javascript(over), modules, parallel=not inside.limited)
        modules = (_looped(context.names.of_part(own.id, part), f"one {part}", items),)
    over = f"results.{own.id}.lanes" if "lane" in parts else f"results.{own.id}.foreach"
    loop = ForLoop(Javascript(over), modules, parallel=not place.limited)
    module = _looped(context.names.of_part(own.id, "foreach"), f"foreach {step.over or step.next[0]}", loop)
    joins = {
        join: Arrival((Input(_leading_to(context, join, body.leads), "each"),), f"results.{own.id}.count")
        for join in _joins(context, [body])
    }
    first = f"results.{module.id}[0]" + "[0]" * len(parts)
    return _joined(context, step, (own, module), place, first=first, joins=joins)


def _looped(id_: str, summary: str, loop: ForLoop | WhileLoop) -> Module:
    """Return the module of a loop.

    Windmill runs each turn of a sequential loop over a single leaf as a job of the loop itself,
    and looks for the time limit at the loop; everywhere else it ignores a limit there.
    """
    in_a_row = isinstance(loop, WhileLoop) or not loop.parallel
    alone = len(loop.modules) == 1 and isinstance(loop.modules[0].value, RawScript)
    return Module(id_, loop, summary, timeout=loop.modules[0].timeout if in_a_row and alone else None)


def _gang(context: Context, step: Step, own: Module, place: Place) -> Knot:
    """Return a step with the one task that runs its gang, or the loop of its nodes, and the gang's join."""
    apart, count = context.dag[step.next[0]].needs.gather is not None, f"results.{own.id}.count"
    inside = place.inside(step.name, "node") if apart else place
    arrival = Arrival((Input((ParentStep(step.name),)),), count if apart else None)
    body = sequence(context, step.next[0], None, arrival, inside)
    modules = body.modules
    if apart:  # side by side in a lane too: a gang counts as one task, wherever its nodes run
        loop = ForLoop(Javascript(f"results.{own.id}.foreach"), modules, parallel=True)
        modules = (_looped(context.names.of_part(own.id, "nodes"), f"nodes of {step.next[0]}", loop),)
    (join,) = _joins(context, [body])
    joined = Arrival((Input(body.leads, "gang"),), count)
    return Knot(step.name, own, (*modules, task_module(context, (context.dag[join],), joined, place)))


# Joins


def _joins(context: Context, arms: Iterable[Section]) -> list[str]:
    """Return the joins that the branches of a split may lead to: where no switch decides, one."""
    ends = (source.step for arm in arms for source in arm.leads)
    names = {name for end in ends for name in context.dag[end].next}
    return sorted(names, key=lambda name: context.rank[name])


def _leading_to(context: Context, join: str, leads: Iterable[ParentStep]) -> tuple[ParentStep, ...]:
    return tuple(source for source in leads if join in context.dag[source.step].next)


def _joined(
    context: Context,
    step: Step,
    modules: tuple[Module, ...],
    place: Place,
    *,
    first: str,
    joins: dict[str, Arrival],
) -> Knot:
    """Return a split with its container and its join or, where a switch inside decides, its joins.

    Parameters
    ----------
    context : Context
    step : Step
        The split.
    modules : tuple of Module
        Its task, if it has one, and the container of its branches.
    place : Place
    first : str
        An expression for the result of the last task in one of the branches.
    joins : dict of str to Arrival
    """
    own, *split = modules
    if len(joins) == 1:
        return Knot(step.name, own, tuple(split), join=next(iter(joins.items())))
    tasks = {
        name: task_module(context, (context.dag[name],), arrival, place) for name, arrival in joins.items()
    }
    endings = tuple(
        JoinCase(name, module, f"{json.dumps(_ends(joins[name]))}.includes({first}.step)")
        for name, module in tasks.items()
    )
    return Knot(step.name, own, tuple(split), endings)


def _closed(context: Context, knot: Knot, place: Place) -> Knot:
    """Return a knot with its only join, which is one job with nothing that follows."""
    if knot.join is None:
        return knot
    name, arrival = knot.join
    join = task_module(context, (context.dag[name],), arrival, place)
    return replace(knot, parts=(*knot.parts, join), join=None)


def _ends(arrival: Arrival) -> list[str]:
    """Return the steps that lead straight to a join."""
    return sorted({source.step for branch in arrival.inputs for source in branch.any_of})


def _which_join(context: Context, step: Step, knot: Knot, place: Place) -> Section:
    """Return the choice of one of several joins, each with the way on up to where all of them meet."""
    arms = [
        (
            f"to {ending.join}",
            ending.predicate,
            _from_join(context, step, ending, place.inside(step.name)),
        )
        for ending in knot.endings
    ]
    return _one_of(context, (knot.own, *knot.parts)[-1].id, "which join", arms)


def _from_join(context: Context, step: Step, ending: JoinCase, place: Place) -> Section:
    (follows,) = following(context.dag, context.dag[ending.join])
    onwards = Arrival((Input((ParentStep(ending.join),)),))
    rest = sequence(context, follows, context.after[step.name], onwards, place)
    return Section((ending.module, *rest.modules), rest.leads)


# Choices that are written flat


def _flat(context: Context, head: Step, knot: Knot, place: Place) -> Section:
    """Return a choice with all that it leads to in one row, each module left out unless it was chosen."""
    dag, stop = context.dag, context.after[head.name]
    steps = region(dag, head, stop)
    leading = [way for step in (head, *steps) for way in ways(dag, step)]
    row = begun(knot, _lasts(dag, head))
    for step in steps:
        sources = _latest_first(context, (source for source, to in leading if to == step.name))
        condition = leads_to(row, dag, step.name, sources)
        inside = _in_row(step, place)
        further = _closed(context, _knot(context, (step,), Arrival((Input(sources),)), inside), inside)
        row = extended(row, context.names, further, _lasts(dag, step), condition)
    leads = _latest_first(context, (source for source, to in leading if to == stop))
    row = row if stop else ended(row, context.names, dag, leads)
    return Section(row.modules, leads)


def _lasts(dag: Dag, step: Step) -> frozenset[str]:
    """Return the steps of a knot that lead on from it."""
    return frozenset(source.step for source, _ in ways(dag, step))


def _in_row(step: Step, place: Place) -> Place:
    """Return the place of a step in a row: whatever is more than one task stands in a choice."""
    return place.inside(step.name) if step.recursive or step.kind in SPLITTING else place


def _latest_first(context: Context, sources: Iterable[ParentStep]) -> tuple[ParentStep, ...]:
    return tuple(sorted(set(sources), key=lambda source: context.rank[source.step], reverse=True))
