"""A run goes on from another one: which one that may be, and what the new run is asked for with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from metaflow_windmill.contract.event import TRIGGER
from metaflow_windmill.contract.exact import plain
from metaflow_windmill.contract.resume_argument import RESUME, WINDMILL_RUN, ResumeOrder
from metaflow_windmill.contract.tags import TAGS, argument_of, tags_in
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.deployment.placed.ownership import record_in
from metaflow_windmill.errors import DeployError, NotFound
from metaflow_windmill.runs.arguments import checked_arguments
from metaflow_windmill.runs.flow_modules import steps_of
from metaflow_windmill.runs.start import started

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.runs.start import Triggered
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Former:
    """The run to go on from.

    Parameters
    ----------
    run_id : str
    known : bool
        Whether Windmill knows it: it did not run elsewhere, and has not been forgotten since.
    arguments : mapping
        What it was started with, as far as Windmill knows.
    """

    run_id: str
    known: bool = False
    arguments: Mapping[str, Json] = field(default_factory=dict)


def former_run(windmill: Windmill, path: str, record: Record, given: str | None) -> Former:
    """Return the run to go on from.

    Parameters
    ----------
    windmill : Windmill
    path : str
        Of the deployed flow.
    record : Record
        Of the deployed flow.
    given : str or None
        A run id, a pathspec or a job id, of Windmill or of any other runtime of Metaflow; None for
        the latest run of the deployed flow.

    Raises
    ------
    DeployError
        If it is none, it is one of another flow, or it is not over.
    """
    if given is None:
        return _former(windmill, _latest(windmill, path), record)
    flow, _, run = given.strip().strip("/").rpartition("/")
    if flow not in ("", record.flow):
        raise DeployError(f"{given} is a run of {flow}, and only a run of {record.flow} can be resumed here")
    job_id = _job_id(run)
    if job_id is None:
        return Former(run)
    try:
        return _former(windmill, windmill.get_job(job_id), record)
    except NotFound:  # Windmill forgets runs after a while; Metaflow's data may be there
        return Former(run_id_of(job_id))


def resume(
    windmill: Windmill,
    path: str,
    record: Record,
    former: Former,
    *,
    steps: Iterable[str] = (),
    values: Mapping[str, Json] | None = None,
    texts: Mapping[str, str] | None = None,
    version: int | None = None,
    tags: Iterable[str] = (),
) -> Triggered:
    """Start a run of the deployed flow that goes on from another run.

    Parameters
    ----------
    former : Former
    steps : iterable of str
        To run anew in any case, with all that follows them.
    tags : iterable of str
        Of this run, beside those that the former run was asked for with.

    The others are those of `metaflow_windmill.runs.start.trigger`, which says what is raised, too; what is
    not given stays as in the former run.
    """
    anew = checked_arguments(record.parameters, values or {}, texts)
    names = {info.name for info in record.parameters}
    before = {name: value for name, value in former.arguments.items() if name in names or name == TRIGGER}
    order = ResumeOrder(former.run_id, tuple(steps), tuple(anew))
    kept = tags_in(plain(former.arguments.get(TAGS)))
    arguments = {**before, **anew, **argument_of((*kept, *tags)), RESUME: order.to_json()}
    return started(windmill, path, record, arguments, version)


def check_step(step: str, value: Json) -> None:
    """Raise `DeployError` if a deployed flow, given by its value, has no such step."""
    steps = list(dict.fromkeys(step for runs in steps_of(value).values() for step in runs.steps))
    if step not in steps:
        raise DeployError(f"the deployed flow has no step {step!r}; its steps are {', '.join(steps)}")


def _job_id(run: str) -> str | None:
    try:
        return str(UUID(run.removeprefix(WINDMILL_RUN)))
    except ValueError:
        if not run.startswith(WINDMILL_RUN):
            return None
        raise DeployError(
            f"{run} is no run on Windmill; the id of one looks like "
            f"{WINDMILL_RUN}0198c0de-0000-7000-8000-000000000000"
        ) from None


def _latest(windmill: Windmill, path: str) -> Job:
    job = next(windmill.list_runs(path), None)
    if job is None:
        raise DeployError(
            f"{path} has no run yet; say which run to resume, such as one of `python FLOW.py run`"
        )
    return windmill.get_job(job.id)


def _former(windmill: Windmill, job: Job, record: Record) -> Former:
    """Check that a job is a run of the flow, deployed here or elsewhere, and over."""
    run = run_id_of(job.id)
    flow = windmill.find_flow(job.path) if job.path and not job.parent else None
    its = record_in(flow.value) if flow else None
    if its is None or its.flow != record.flow:
        whose = f"of {its.flow}" if its else f"of {job.path or 'something else'}"
        raise DeployError(f"{run} is a run {whose}, and only a run of {record.flow} can be resumed here")
    if not job.state.final:
        raise DeployError(
            f"{run} is not over yet; wait for it, or stop it with `windmill terminate {run}` before"
        )
    return Former(run, known=True, arguments=job.args if isinstance(job.args, dict) else {})
