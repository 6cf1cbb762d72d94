"""A compiled document becomes a deployed flow with its schedule; a second try finishes a first one."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import JobState
from metaflow_windmill.deployment.described.names import token_prefix
from metaflow_windmill.deployment.placed.approvers import check_groups
from metaflow_windmill.deployment.placed.folders import check_folder, ensure_folder
from metaflow_windmill.deployment.placed.ownership import check_allowed, choose_token, our_record, record_in
from metaflow_windmill.deployment.placed.schedule import Change, apply_schedule, check_schedule
from metaflow_windmill.deployment.placed.subscription import apply_subscription
from metaflow_windmill.errors import Conflict, DeployError, WindmillError

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.client.models import Flow, Outcome, User
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deployment.described.names import Identity
    from metaflow_windmill.deployment.placed.ownership import TokenWish
    from metaflow_windmill.types import Json

READY_SECONDS = 600.0
FIRST_WAIT, MOST_WAIT = 0.05, 2.0
LOG_SHOWN = 2000


@dataclass(frozen=True)
class Place:
    """What was found at the place of a deployment, before anything is made.

    Parameters
    ----------
    path : str
    existing : Flow or None
        What is at the path now.
    token : str
        The production token that the next deployment carries.
    user : User
        Who deploys, as Windmill knows them.
    """

    path: str
    existing: Flow | None
    token: str
    user: User


@dataclass(frozen=True)
class Deployed:
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


def survey(
    windmill: Windmill, path: str, identity: Identity, *, owner: str, user: User, wish: TokenWish
) -> Place:
    """Look at the place of a deployment: what is there, whose it is, and which token it goes on with.

    Parameters
    ----------
    windmill : Windmill
    path : str
    identity : Identity
    owner : str
        The Metaflow user who deploys.
    user : User
        Whom the Windmill token belongs to.
    wish : TokenWish

    Raises
    ------
    NotOurs
        If the path is somebody else's.
    DeployError
        If the wish cannot be fulfilled.
    """
    existing = windmill.find_flow(path)
    previous = our_record(existing, identity) if existing else None
    if previous is not None:
        check_allowed(previous, owner, wish, "deploy a new version of")
    check_folder(windmill, path, user)
    token = choose_token(previous, token_prefix(identity), wish, is_project=identity.project is not None)
    return Place(path, existing, token, user)


def carry_out(
    windmill: Windmill,
    document: Json,
    place: Place,
    message: str = "",
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    for_a_worker: float | None = None,
) -> Deployed:
    """Put a document in its place: the folder, the flow, then its schedule and its events.

    Parameters
    ----------
    windmill : Windmill
    document : JSON object
        The body of ``flows/create``, with a deployment record.
    place : Place
        Where `survey` looked.
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
    record = replace(record, token=place.token)
    check_groups(windmill, document["value"])
    if record.schedule is not None:
        check_schedule(windmill, record.schedule)
    folder_made = ensure_folder(windmill, place.path, place.user)
    _upsert(windmill, with_record(document, record), place, message or _message(record))
    prepared = wait_until_ready(windmill, place.path, sleep=sleep, clock=clock, for_a_worker=for_a_worker)
    change, suspended, version = _scheduled(windmill, place.path, record)
    events = _subscribed(windmill, place.path, record)
    created = place.existing is None
    return Deployed(place.path, record, version, created, folder_made, change, suspended, events, prepared)


def _scheduled(windmill: Windmill, path: str, record: Record) -> tuple[Change, bool, int | None]:
    """Bring the schedule up to date; return what changed, whether it is off, and the flow's version."""
    try:
        change = apply_schedule(windmill, path, record.schedule)
        schedule = windmill.find_schedule(path) if record.schedule else None
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


def with_record(document: Json, record: Record) -> Json:
    """Return the document with another record in it."""
    value = document["value"]
    environment = {**value["flow_env"], "metaflow": record.to_json()}
    return {**document, "value": {**value, "flow_env": environment}}


def is_prepared(windmill: Windmill, path: str) -> bool:
    """Return whether Windmill can run the newest version of a flow, or is still getting ready to.

    A version whose dependency job failed stays what the path shows.
    """
    job, errors = windmill.deployment(path)
    if errors or job is None:
        return not errors
    done = windmill.outcome(job)
    return done.success or not done.completed


def wait_until_ready(
    windmill: Windmill,
    path: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    seconds: float = READY_SECONDS,
    for_a_worker: float | None = None,
) -> bool:
    """Wait until Windmill has prepared the newest version of a flow: until then a run gets the one before.

    A job takes up a worker itself. If all workers have jobs that wait for dependency jobs, none of
    those ever begins; so a job waits `for_a_worker` seconds for that, and no longer.

    Returns
    -------
    bool
        False if its dependency job still waits for a worker.

    Raises
    ------
    DeployError
        If it could not, with the end of its log, or did not in time.
    """
    job, errors = windmill.deployment(path)
    if job is not None:
        begun = clock() + (seconds if for_a_worker is None else for_a_worker)
        done = _outcome(windmill, path, job, clock() + seconds, begun=begun, sleep=sleep, clock=clock)
        if not done.completed:
            return False
        errors = windmill.deployment(path)[1] or ("" if done.success else f"the job {job} failed")
    if errors:
        raise DeployError(
            f"Windmill could not resolve the dependencies of the flow at {path}; correct them and create "
            f"it again. Its log ends with:\n{errors.strip()[-LOG_SHOWN:]}"
        )
    return True


def _outcome(
    windmill: Windmill,
    path: str,
    job: str,
    end: float,
    *,
    begun: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> Outcome:
    wait = FIRST_WAIT
    while not (outcome := windmill.outcome(job)).completed:
        if begun < clock() < end and windmill.get_job(job).state is JobState.PENDING:
            return outcome
        if clock() > end:
            raise DeployError(
                f"the flow at {path} is deployed, but Windmill has not prepared it in time (job {job}); "
                "is there a worker for its dependency jobs? A run works as soon as that job is done"
            )
        sleep(wait)
        wait = min(wait * 1.5, MOST_WAIT)
    return outcome


def _upsert(windmill: Windmill, document: Json, place: Place, message: str) -> None:
    if place.existing is None:
        try:
            windmill.create_flow({**document, "deployment_message": message})
        except Conflict as why:
            raise DeployError(
                f"somebody has deployed a flow to {place.path} in this very moment, which was left as it is; "
                "try again, which asks whose it is"
            ) from why
        return
    windmill.update_flow({**document, "deployment_message": message}, place.existing.version)
    if place.existing.archived:
        windmill.archive_flow(place.path, archived=False)


def _message(record: Record) -> str:
    """Return what the history of the flow says of this version."""
    commit = f", commit {record.git.commit[:12]}" if record.git else ""
    return f"package {record.package.sha[:12]} by {record.owner}{commit}"
