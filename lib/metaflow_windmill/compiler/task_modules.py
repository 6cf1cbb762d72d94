"""The module of a step, or of several: one job of Windmill that runs one task of Metaflow, or a pack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.compiler.pack_modules import (
    attempts,
    environment_of,
    items_of,
    lost_attempts,
    may_share,
    tag_of,
    together_told,
)
from metaflow_windmill.compiler.place import Arrival
from metaflow_windmill.compiler.spec import RECORD, secrets_of
from metaflow_windmill.contract.job_inputs import LEVEL, JobInputs
from metaflow_windmill.contract.pack import Pack
from metaflow_windmill.contract.task_spec import Input, Page, ParentStep, TaskSpec
from metaflow_windmill.errors import FINAL
from metaflow_windmill.openflow import (
    ConstantDelay,
    InputTransform,
    Javascript,
    Module,
    Retry,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow_windmill.compiler.place import Context, Place
    from metaflow_windmill.contract.task_spec import Tells
    from metaflow_windmill.graph.dag import Step, StepKind

_TELLS: dict[StepKind, Tells] = {"foreach": "splits", "gang": "splits", "switch": "branch"}

RETRY_IF = f"error?.extra?.{FINAL} !== true"
"""Holds unless the task said of its error that another attempt cannot help, or would begin too late."""

KILLED = "error?.name === 'ExecutionErr' && error.message.includes('job-specific duration limit')"
"""What a module's own ``timeout`` makes of a job; in Windmill's words, of 1.788."""

RETRY_IF_LOST = 'error?.message?.includes("no ping from job") === true'
"""Holds where Windmill gave up a job whose worker it heard nothing of any more."""

MOST_IN_A_LOOP = 500
"""Splits that a foreach may make and still be one loop of Windmill."""

TIMEOUT_SLACK = 60
"""Seconds that Windmill waits beyond a timeout of Metaflow's: the step ends itself, unless it cannot."""


def task_module(context: Context, steps: Sequence[Step], arrival: Arrival, place: Place) -> Module:
    """Return the module of a step, or of steps in a row that are one job.

    Parameters
    ----------
    context : Context
    steps : sequence of Step
        Each but the first has the one before as its only parent.
    arrival : Arrival
        How the first is reached.
    place : Place
        Inside the loop of its turns, where the step returns to itself.
    """
    first = steps[0]
    code, limit = context.deployment.code_of(first.name), _limit(context)
    specs = _specs(context, steps, arrival, place)
    packed = len(specs) > 1 or place.items
    if packed:
        specs = tuple(
            replace(spec, seconds=_timeout(step, None)) for spec, step in zip(specs, steps, strict=True)
        )
    task = Pack(specs, place.items) if packed else specs[0]
    ends = _whole_timeout(steps, place, limit)
    return Module(
        id=context.names.of_step(first.name),
        summary=together_told(steps, place.items),
        value=code.job(
            task.to_json(), _inputs(context, first, arrival, place), tag_of(context.deployment, first)
        ),
        retry=_retry(context, steps, ends),
        timeout=ends,
    )


def _specs(context: Context, steps: Sequence[Step], arrival: Arrival, place: Place) -> tuple[TaskSpec, ...]:
    befores = (arrival, *(Arrival((Input((ParentStep(step.name),)),)) for step in steps[:-1]))
    return tuple(
        _task_spec(context, step, before, place) for step, before in zip(steps, befores, strict=True)
    )


def _limit(context: Context) -> int | None:
    """Return how many seconds a run may take."""
    return context.deployment.record.workflow_timeout


def _timeout(step: Step, limit: int | None) -> int | None:
    """Return after how many seconds Windmill ends the job, whatever the step's code does."""
    # A node of a gang waits for the others before its code, and may after it.
    waits = 2 * (step.needs.gather or 0)
    own = None if step.timeout is None else step.timeout + waits + TIMEOUT_SLACK
    own = own if step.needs.seconds is None else step.needs.seconds
    if limit is None:
        return own
    return limit + TIMEOUT_SLACK if own is None else min(own, limit + TIMEOUT_SLACK)


def _whole_timeout(steps: Sequence[Step], place: Place, limit: int | None) -> int | None:
    """Return after how many seconds Windmill ends a job, if each of its tasks has an end."""
    if len(steps) == 1 and not place.items:
        return _timeout(steps[0], limit)
    each = [_timeout(step, None) for step in steps]
    known = [seconds for seconds in each if seconds is not None]
    whole = sum(known) * max(1, place.items) + TIMEOUT_SLACK if len(known) == len(each) else None
    ends = [end for end in (whole, None if limit is None else limit + TIMEOUT_SLACK) if end is not None]
    return min(ends, default=None)


def _inputs(context: Context, step: Step, arrival: Arrival, place: Place) -> dict[str, InputTransform]:
    levels = {f"{LEVEL}{number}": Javascript(text) for number, text in enumerate(_positions(place))}
    given = JobInputs(
        deployment=RECORD,
        secrets=secrets_of(context.deployment),
        splits=None if arrival.splits is None else Javascript(arrival.splits),
        levels=levels,
    )
    if step.name == context.dag.start:
        return replace(given, parameters=Javascript("flow_input")).named()
    start = context.names.first(context.dag.start)
    return replace(
        given,
        run=Javascript(f"results.{start}.run_id"),
        root=Javascript(f"results.{start}.root"),
        origin=Javascript(f"results.{start}.origin"),
        trigger=Javascript(f"results.{start}.trigger"),
        tags=Javascript(f"results.{start}.tags"),
        deadline=None if _limit(context) is None else Javascript(f"results.{start}.deadline"),
    ).named()


def _positions(place: Place) -> Iterator[str]:
    """Go through the expressions for the position in each loop that counts, outermost first."""
    for further_in, loop in zip(reversed(range(len(place.loops))), place.loops, strict=True):
        if loop in {"foreach", "turn", "node"}:
            yield "flow_input.iter" + "_parent" * further_in


def _task_spec(context: Context, step: Step, arrival: Arrival, place: Place) -> TaskSpec:
    return TaskSpec(
        step=step.name,
        levels=place.levels,
        inputs=arrival.inputs,
        lanes=lanes(context, place) if step.kind == "foreach" else None,
        max_splits=context.deployment.max_splits if step.kind == "foreach" else None,
        tells=_TELLS.get(step.kind),
        gang=step.parallel and step.needs.gather is None,
        gather=step.needs.gather,
        recursive=step.recursive,
        retries=attempts(step),
        user_retries=step.retries.user,
        delay=0 if _limit(context) is None else step.retries.seconds,
        environment=environment_of(step),
        ranges=items_of(context, step) or None,
        chunks=chunked(context, step),
        ends=step.name == context.dag.end,
        asks=_asking(context) if step.name == context.dag.start else (),
        page=_page(context) if step.name == context.dag.end else None,
        memo=context.deployment.memos.get(step.name),
        renews=bool(context.deployment.memos),
        retry_lost=lost_attempts(context.deployment, step),
        limit=None if lost_attempts(context.deployment, step) is None else _timeout(step, _limit(context)),
    )


def chunked(context: Context, step: Step) -> bool:
    """Tell whether a foreach is a loop over chunks of its items, each a loop of its own.

    Windmill keeps the ids of a loop's jobs in one row, which each end of a job rewrites, and reads the whole
    result of the step before the foreach for each look-up of a part of it: a loop of n costs n squared. About
    the square root of n loops of as many items cost much less than that, where there are so many that a
    person has raised the limit of splits for it.
    """
    most = context.deployment.max_splits or 0
    return step.kind == "foreach" and not items_of(context, step) and most > MOST_IN_A_LOOP


def _asking(context: Context) -> tuple[str, ...]:
    """Return the steps before which a person is asked; the start step asks in a resumed run too."""
    return tuple(step.name for step in context.dag.steps[1:] if step.needs.approval is not None)


def _page(context: Context) -> Page | None:
    """Return what the page of a run needs to know of the flow, if there is anything."""
    ids = {step.name: context.names.first(step.name) for step in context.dag.steps}
    cards = {step.name: tuple(_card_names(step)) for step in context.dag.steps}
    page = Page(
        {module: step for step, module in ids.items() if module != step},
        {step: names for step, names in cards.items() if names},
        any(may_share(context.deployment, step) for step in context.dag.steps),
    )
    return page if page != Page() else None


def _card_names(step: Step) -> Iterator[str]:
    for decorator in step.decorators:
        if decorator.name == "card":
            said = (decorator.attributes.get(name) for name in ("id", "type"))
            yield next((str(name) for name in said if name not in {None, "", "None"}), "default")


def lanes(context: Context, place: Place) -> int | None:
    """Return the number of lanes of a foreach; None where it has none.

    Only the outermost foreach has lanes. Each lane does one task at a time, and so whatever is
    split or looped over inside of it runs one after the other: however the foreaches are
    nested, no more than ``--max-workers`` of their tasks run at once.
    """
    return None if place.limited else context.deployment.max_workers


def _retry(context: Context, steps: Sequence[Step], ends: int | None) -> Retry | None:
    """Return how often a job runs again: in each round, at least one task of each item gets on.

    A job that Windmill ends by its time-out says nothing of itself. Where the next attempt would begin after
    the run's limit for certain, none does. Windmill starts the job of a lost worker again without counting,
    and gives up after a few times, or at once where it is set so: then its module has further attempts.
    """
    most, limit = sum(map(attempts, steps)), _limit(context)
    lost = sum(lost_attempts(context.deployment, step) or 0 for step in steps)
    if not most + lost:
        return None
    seconds = max((step.retries.seconds for step in steps if attempts(step)), default=0)
    too_late = ends is not None and limit is not None and ends + seconds >= limit
    again = f"{RETRY_IF} && !({KILLED})" if too_late else RETRY_IF
    return Retry(ConstantDelay(most + lost, seconds), retry_if=again if most else RETRY_IF_LOST)
