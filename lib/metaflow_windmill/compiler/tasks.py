"""The module of a step: one job of Windmill that runs one task of Metaflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.compiler.deployment import secret_inputs
from metaflow_windmill.contract.task import TaskSpec
from metaflow_windmill.errors import FINAL
from metaflow_windmill.openflow import (
    ConstantDelay,
    InputTransform,
    Javascript,
    Module,
    RawScript,
    Retry,
    Static,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.compiler.deployment import Deployment
    from metaflow_windmill.compiler.place import Arrival, Context, Place
    from metaflow_windmill.contract.task import Tells
    from metaflow_windmill.graph.dag import Kind, Step

_TELLS: dict[Kind, Tells] = {"foreach": "splits", "gang": "splits", "switch": "branch"}

MOST_RETRIES = 5
"""Metaflow numbers attempts from 0 and stops below its MAX_ATTEMPTS of 6 (metaflow_config.py)."""

RETRY_IF = f"error?.extra?.{FINAL} !== true"
"""Holds unless the task said of its error that another attempt cannot help, or would begin too late."""

TIMEOUT_SLACK = 60
"""Seconds that Windmill waits beyond a timeout of Metaflow's: the step ends itself, unless it cannot."""


def task_module(context: Context, step: Step, arrival: Arrival, place: Place) -> Module:
    """Return the module of a step.

    Parameters
    ----------
    context : Context
    step : Step
    arrival : Arrival
    place : Place
        Inside the loop of its turns, where the step returns to itself.
    """
    code = context.deployment.code_of(step.name)
    return Module(
        id=context.names.of_step(step.name),
        summary=step.name,
        value=RawScript(
            content=code.content,
            input_transforms=_inputs(context, step, arrival, place),
            lock=code.lock,
            tag=_tag(context.deployment, step),
        ),
        retry=_retry(step),
        timeout=_timeout(step, _limit(context)),
    )


def _tag(deployment: Deployment, step: Step) -> str | None:
    """Return which workers a step goes to: it may say so itself, or its resources decide."""
    rules = (rule.tag for rule in deployment.tag_rules if rule.holds(step.needs.resources))
    return step.needs.tag or next(rules, deployment.tag)


def _limit(context: Context) -> int | None:
    """Return how many seconds a run may take."""
    return context.deployment.record.workflow_timeout


def _timeout(step: Step, limit: int | None) -> int | None:
    """Return after how many seconds Windmill ends the job, whatever the step's code does."""
    own = None if step.timeout is None else step.timeout + TIMEOUT_SLACK
    own = own if step.needs.seconds is None else step.needs.seconds
    if limit is None:
        return own
    return limit + TIMEOUT_SLACK if own is None else min(own, limit + TIMEOUT_SLACK)


def _inputs(context: Context, step: Step, arrival: Arrival, place: Place) -> dict[str, InputTransform]:
    spec = _task_spec(context, step, arrival, place)
    inputs: dict[str, InputTransform] = {
        "task": Static(spec.to_json()),
        "deployment": Javascript("flow_env.metaflow"),
    }
    if step.name == context.dag.start:
        inputs["parameters"] = Javascript("flow_input")
    else:
        start = context.names.first(context.dag.start)
        inputs["run"] = Javascript(f"results.{start}.run_id")
        inputs["root"] = Javascript(f"results.{start}.root")
        inputs["origin"] = Javascript(f"results.{start}.origin")
        inputs["trigger"] = Javascript(f"results.{start}.trigger")
        if _limit(context) is not None:
            inputs["deadline"] = Javascript(f"results.{start}.deadline")
    inputs.update(secret_inputs(context.deployment))
    if arrival.splits is not None:
        inputs["splits"] = Javascript(arrival.splits)
    for number, expression in enumerate(_positions(place)):
        inputs[f"level_{number}"] = Javascript(expression)
    return inputs


def _positions(place: Place) -> Iterator[str]:
    """Go through the expressions for the position in each loop that counts, outermost first."""
    for further_in, loop in zip(reversed(range(len(place.loops))), place.loops, strict=True):
        if loop != "lane":
            yield "flow_input.iter" + "_parent" * further_in


def _task_spec(context: Context, step: Step, arrival: Arrival, place: Place) -> TaskSpec:
    return TaskSpec(
        step=step.name,
        levels=tuple(loop for loop in place.loops if loop != "lane"),
        inputs=arrival.inputs,
        lanes=lanes(context, place) if step.kind == "foreach" else None,
        max_splits=context.deployment.max_splits if step.kind == "foreach" else None,
        tells=_TELLS.get(step.kind),
        gang=step.parallel,
        recursive=step.recursive,
        retries=_attempts(step),
        user_retries=step.retries.user,
        delay=0 if _limit(context) is None else step.retries.seconds,
        environment=_environment(step),
    )


def _environment(step: Step) -> dict[str, str]:
    """Return the variables of ``@environment``, as texts."""
    said = (deco.attributes["vars"] for deco in step.decorators if deco.name == "environment")
    return {name: str(value) for variables in said for name, value in variables.items()}


def lanes(context: Context, place: Place) -> int | None:
    """Return the number of lanes of a foreach; None where it has none.

    Only the outermost foreach has lanes. Each lane does one task at a time, and so whatever is
    split or looped over inside of it runs one after the other: however the foreaches are
    nested, no more than ``--max-workers`` of their tasks run at once.
    """
    return None if place.limited else context.deployment.max_workers


def _attempts(step: Step) -> int:
    return min(step.retries.user + step.retries.error, MOST_RETRIES)


def _retry(step: Step) -> Retry | None:
    attempts = _attempts(step)
    return Retry(ConstantDelay(attempts, step.retries.seconds), retry_if=RETRY_IF) if attempts else None
