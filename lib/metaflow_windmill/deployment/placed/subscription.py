"""``@trigger`` and ``@trigger_on_finish`` of a flow, and the resource that makes it wait for those events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from metaflow_windmill.contract.event import SUBSCRIPTION, Awaited, Subscription, end_event
from metaflow_windmill.deployment.placed.schedule import Change
from metaflow_windmill.errors import DeployError
from metaflow_windmill.events.received import Received

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.deployment.described.names import DeploymentId

EVENT_NAME = re.compile(r"[A-Za-z0-9_.-]+")
DESCRIPTION = "Starts this flow when events come. Made by `windmill create`; removed with the flow."


def read_events(
    flow_decorators: Mapping[str, Sequence[Any]], parameters: Sequence[str], identity: DeploymentId
) -> tuple[Awaited, ...]:
    """Return the events that a flow waits for.

    Parameters
    ----------
    flow_decorators : mapping of str to decorators
        Metaflow's, initialised.
    parameters : sequence of str
        The names of the flow's parameters.
    identity : DeploymentId
        The project and branch that a finished flow is looked for in, unless it names its own.

    Raises
    ------
    DeployError
        If a decorator names what cannot be.
    """
    awaited = [
        *_events(flow_decorators.get("trigger") or (), parameters),
        *_runs(flow_decorators.get("trigger_on_finish") or (), identity),
    ]
    names = [event.name for event in awaited]
    for name in names:
        if names.count(name) > 1:
            raise DeployError(f"the flow waits for the event '{name}' twice; name each event once")
    return tuple(awaited)


def _events(decorators: Sequence[Any], parameters: Sequence[str]) -> Iterator[Awaited]:
    for decorator in decorators:
        decorator.format_deploytime_value()
        for event in decorator.triggers:
            mapping = {
                _parameter(key, parameters, event["name"]): value
                for key, value in (event.get("parameters") or {}).items()
            }
            # As on Argo: a single event without a mapping fills the parameters of the same names.
            if not mapping and len(decorator.triggers) == 1:
                mapping = {name: name for name in parameters}
            yield Awaited(_name(event["name"]), mapping)


def _runs(decorators: Sequence[Any], identity: DeploymentId) -> Iterator[Awaited]:
    for decorator in decorators:
        decorator.format_deploytime_value()
        for run in decorator.triggers:
            project = run.get("project") or identity.project
            branch = run.get("branch") or identity.branch
            if bool(project) != bool(branch):
                raise DeployError(
                    f"@trigger_on_finish names {run['flow']} with a project or a branch only; name both, "
                    "or use @project on this flow"
                )
            yield Awaited(end_event(run["flow"], project, branch))


def _parameter(name: str, parameters: Sequence[str], event: str) -> str:
    for known in parameters:
        if known.lower().replace("-", "_") == name.lower().replace("-", "_"):
            return known
    raise DeployError(
        f"@trigger fills the parameter '{name}' from the event '{event}', but the flow has none"
    )


def _name(name: str) -> str:
    if not EVENT_NAME.fullmatch(name):
        raise DeployError(
            f"'{name}' cannot be the name of an event: use letters, digits, underscores, dashes and dots"
        )
    return name


def apply_subscription(windmill: Windmill, path: str, events: Sequence[Awaited]) -> Change:
    """Make the subscription of a flow what it is wanted to be."""
    resources = windmill.resources
    found = resources.find(path)
    wanted = Subscription(path, tuple(events)).to_json() if events else None
    if found == wanted:
        return Change.KEPT if wanted else Change.NONE
    if wanted is None:
        return remove_subscription(windmill, path)
    resources.put(path, wanted, SUBSCRIPTION, DESCRIPTION)
    if isinstance(found, dict) and found.get("flow") == path:
        Received(resources, Subscription.from_json(found)).forget(but=[event.name for event in events])
    return Change.CHANGED if found else Change.CREATED


def is_subscribed(windmill: Windmill, path: str, events: Sequence[Awaited]) -> bool:
    """Tell whether the subscription of a flow is what it is wanted to be."""
    found = windmill.resources.find(path)
    if not events:
        return not (isinstance(found, dict) and found.get("flow") == path)
    return bool(found == Subscription(path, tuple(events)).to_json())


def remove_subscription(windmill: Windmill, path: str) -> Change:
    """Remove the subscription of a flow and what was noted for it; what is no subscription stays."""
    resources = windmill.resources
    found = resources.find(path)
    if not (isinstance(found, dict) and found.get("flow") == path):
        return Change.NONE
    resources.delete(path)
    Received(resources, Subscription.from_json(found)).forget()
    return Change.REMOVED
