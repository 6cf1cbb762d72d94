"""A compiled document becomes a deployed flow with its schedule; a second try finishes a first one."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.deployment.placed.approver_checks import check_groups
from metaflow_windmill.deployment.placed.ownership import record_in, with_record
from metaflow_windmill.deployment.placed.prepared import wait_until_ready
from metaflow_windmill.deployment.placed.schedule import Change, apply_schedule, check_schedule
from metaflow_windmill.deployment.placed.subscription import apply_subscription
from metaflow_windmill.deployment.placed.target_folder import ensure_folder
from metaflow_windmill.errors import Conflict, DeployError, WindmillError

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deployment.placed.survey import DeploymentPlan
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class DeploymentResult:
    """What a deployment did.

    Parameters
    ----------
    path : str
    record : Record
    version : int or None
        Windmill's number of this version of the flow.
    created : bool
        Whether the flow is new.
    folder_made : bool
    schedule : Change
    suspended : bool
        Whether the flow has a schedule that is turned off.
    subscription : Change
        What became of the events that start the flow.
    prepared : bool
        Whether the version can be run; False while its dependency job waits for a worker.
    """

    path: str
    record: Record
    version: int | None
    created: bool
    folder_made: bool
    schedule: Change
    suspended: bool = False
    subscription: Change = Change.NONE
    prepared: bool = True


def carry_out(
    plan: DeploymentPlan,
    document: Json,
    message: str = "",
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    for_a_worker: float | None = None,
) -> DeploymentResult:
    """Put a document in its place: the folder, the flow, then its schedule and its events.

    Parameters
    ----------
    plan : DeploymentPlan
        Where `survey` looked.
    document : JSON object
        The body of ``flows/create``, with a deployment record.
    message : str
        What the flow's history says of this version; its package and owner if nothing is given.
    sleep, clock : callable
        ``time.sleep`` and ``time.monotonic``.
    for_a_worker : float or None
        Most seconds that the dependency job may wait for a worker; then the deployment ends without it.

    Raises
    ------
    DeployError
        If a part failed; the text says what was done, and a second try does the rest.
    WindmillError
        If nothing was done.
    """
    record = record_in(document["value"])
    if record is None:
        raise DeployError("the document has no deployment record; compile the flow with this library")
    record = replace(record, token=plan.token)
    check_groups(plan.windmill, document["value"])
    if record.schedule is not None:
        check_schedule(plan.windmill, record.schedule)
    folder_made = ensure_folder(plan.windmill, plan.path, plan.user)
    _upsert(plan, with_record(document, record), message or _message(record))
    prepared = wait_until_ready(plan.windmill, plan.path, sleep=sleep, clock=clock, for_a_worker=for_a_worker)
    change, suspended, version = _scheduled(plan.windmill, plan.path, record)
    events = _subscribed(plan.windmill, plan.path, record)
    created = plan.existing is None
    return DeploymentResult(
        plan.path, record, version, created, folder_made, change, suspended, events, prepared
    )


def _scheduled(windmill: Windmill, path: str, record: Record) -> tuple[Change, bool, int | None]:
    """Bring the schedule up to date; return what changed, whether it is off, and the flow's version."""
    try:
        change = apply_schedule(windmill, path, record.schedule)
        schedule = windmill.schedules.find(path) if record.schedule else None
        return change, schedule is not None and not schedule.enabled, windmill.get_flow(path).version
    except WindmillError as why:
        raise DeployError(
            f"the flow at {path} is deployed, but its schedule was not brought up to date: {why}. "
            "Try again to finish the work"
        ) from why


def _subscribed(windmill: Windmill, path: str, record: Record) -> Change:
    """Bring the subscription up to date; return what changed."""
    try:
        return apply_subscription(windmill, path, record.events)
    except WindmillError as why:
        raise DeployError(
            f"the flow at {path} is deployed, but the events that start it were not brought up to "
            f"date: {why}. Try again to finish the work"
        ) from why


def _upsert(plan: DeploymentPlan, document: Json, message: str) -> None:
    if plan.existing is None:
        try:
            plan.windmill.create_flow({**document, "deployment_message": message})
        except Conflict as why:
            raise DeployError(
                f"somebody has deployed a flow to {plan.path} in this very moment, which was left as it is; "
                "try again, which asks whose it is"
            ) from why
        return
    plan.windmill.update_flow({**document, "deployment_message": message}, plan.existing.version)
    if plan.existing.archived:
        plan.windmill.archive_flow(plan.path, archived=False)


def _message(record: Record) -> str:
    """Return what the history of the flow says of this version."""
    commit = f", commit {record.git.commit[:12]}" if record.git else ""
    return f"package {record.package.sha[:12]} by {record.owner}{commit}"
