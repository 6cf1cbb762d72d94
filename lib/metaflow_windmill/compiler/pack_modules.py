"""Which tasks are one job: steps in a row, and items of a foreach, where that was asked for.

Only what has to run one after the other anyway, or what a person said how many of may, and only what wants
the same worker: its packages, its tag, what Metaflow reads when it is imported, the wait between attempts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.compiler.place import Context
    from metaflow_windmill.compiler.spec import DeploymentSpec
    from metaflow_windmill.graph.dag import Step

MOST_RETRIES = 5
"""Metaflow numbers attempts from 0 and stops below its MAX_ATTEMPTS of 6 (metaflow_config.py)."""

NAMED = 4
"""Steps of a job that its summary names; of more, the first ones and the last."""

_READ_AT_IMPORT = "METAFLOW_"


def row_of(context: Context, first: str, stop: str | None) -> tuple[Step, ...]:
    """Return the steps from one on that are one job: itself, where nothing goes together with it.

    Parameters
    ----------
    context : Context
    first : str
    stop : str or None
        A step that is left to others.
    """
    row = [context.dag[first]]
    while _goes_on(context, row[-1]):
        name = context.after[row[-1].name]
        if name is None or name == stop or not _fits(context, row, context.dag[name]):
            break
        row.append(context.dag[name])
    return tuple(row)


def items_of(context: Context, step: Step) -> int:
    """Return how many items of its foreach one job takes; 0 for one a job, and for what is no foreach.

    What is done with an item must be steps in a row: whatever is split, chosen or looped over in between
    is for the engine, which cannot see into a job.
    """
    if step.kind != "foreach":
        return 0
    body = [context.dag[step.next[0]]]
    while _goes_on(context, body[-1]):
        name = context.after[body[-1].name]
        if name is not None and context.dag[name].needs.approval is not None:
            return 0
        if name is None:
            least = min(_most(context.deployment, one) for one in body)
            return least if least > 1 else 0
        body.append(context.dag[name])
    return 0


def attempts(step: Step) -> int:
    """Return how often a step may be tried again."""
    return min(step.retries.user + step.retries.error, MOST_RETRIES)


def lost_attempts(deployment: DeploymentSpec, step: Step) -> int | None:
    """Return how often a step is run again because its worker was lost; None where nobody said."""
    own = step.needs.retry_lost
    return deployment.retry_lost if own is None else own


def tag_of(deployment: DeploymentSpec, step: Step) -> str | None:
    """Return which workers a step goes to: it may say so itself, or its resources decide."""
    rules = (rule.tag for rule in deployment.tag_rules if rule.holds(step.needs.resources))
    return step.needs.tag or next(rules, deployment.tag)


def environment_of(step: Step) -> dict[str, str]:
    """Return the variables of ``@environment``, as texts."""
    said = (deco.attributes["vars"] for deco in step.decorators if deco.name == "environment")
    return {name: str(value) for variables in said for name, value in variables.items()}


def together_told(steps: Sequence[Step], items: int) -> str:
    """Return the summary of a job: the steps that it runs, and for how many items."""
    names = [step.name for step in steps]
    if len(names) > NAMED:
        names = [*names[: NAMED - 1], "...", names[-1]]
    told = ", ".join(names)
    if items:
        return f"{told}, {items} items a job"
    return f"{told} ({len(steps)} steps in one job)" if len(steps) > NAMED else told


def may_share(deployment: DeploymentSpec, step: Step) -> bool:
    """Tell whether a step was asked to share its job with other tasks."""
    return _most(deployment, step) > 1


def _most(deployment: DeploymentSpec, step: Step) -> int:
    return step.needs.pack or deployment.pack or 1


def _goes_on(context: Context, step: Step) -> bool:
    """Tell whether one step follows, with nothing to decide and nothing to wait for."""
    alone = step.recursive or step.parallel or step.name in context.flat or step.needs.approval is not None
    return step.kind == "linear" and not alone


def _fits(context: Context, row: Sequence[Step], step: Step) -> bool:
    """Tell whether a step may run in the job of those before it."""
    first, deployment = row[0], context.deployment
    if step.recursive or step.parallel or step.needs.approval is not None:
        return False
    if _most(deployment, first) == 1 or _most(deployment, step) == 1:
        return False
    waits = {one.retries.seconds for one in (*row, step) if attempts(one)}
    return (
        len(waits) < 2  # noqa: PLR2004 (Windmill waits the same time before each attempt of a job)
        and tag_of(deployment, first) == tag_of(deployment, step)
        and deployment.code_of(first.name) == deployment.code_of(step.name)
        and _read_at_import(first) == _read_at_import(step)
    )


def _read_at_import(step: Step) -> dict[str, str]:
    """Return the variables of a step that Metaflow looks at only once in a job."""
    found = environment_of(step)
    return {name: value for name, value in found.items() if name.startswith(_READ_AT_IMPORT)}
