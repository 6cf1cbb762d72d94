"""A run of a deployed flow is asked for, under an id that is known before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from metaflow_windmill.client.answers import SERVER_ERROR
from metaflow_windmill.contract.tags import TAGS, argument_of
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.deployment.placed.ownership import our_record
from metaflow_windmill.errors import DeployError, Unreachable, WindmillError
from metaflow_windmill.runs.arguments import arguments_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.client.models import Flow
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deployment.described.names import DeploymentId
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Triggered:
    """A run that Windmill has accepted; `token` is the production token of the flow."""

    flow: str
    path: str
    job_id: str
    token: str = ""

    @property
    def run_id(self) -> str:
        """Metaflow's id of the run."""
        return run_id_of(self.job_id)

    @property
    def pathspec(self) -> str:
        """Metaflow's name of the run, ``<flow>/<run id>``."""
        return f"{self.flow}/{self.run_id}"


def deployed_version(
    flow: Flow | None, place: str, identity: DeploymentId, tags: Iterable[str] = ()
) -> tuple[Record, int | None]:
    """Return the record of a deployment and Windmill's number of its newest version (None if it tells none).

    Parameters
    ----------
    flow : Flow or None
        What is there.
    place : str
        Where, in words.
    identity : DeploymentId
    tags : iterable of str
        What a run of it is going to be tagged with.

    Raises
    ------
    DeployError
        If there is none, it is archived, or its runs take no tags.
    NotOurs
        If something else is at the path.
    """
    if flow is None:
        raise DeployError(f"{identity} is not deployed at {place}; deploy it with `windmill create` first")
    if flow.archived:
        raise DeployError(f"the flow at {flow.path} is archived; deploy it again with `windmill create`")
    record = our_record(flow, identity)
    check_takes_tags(flow, tags)
    return record, flow.version


def check_takes_tags(flow: Flow, tags: Iterable[str]) -> None:
    """Raise `DeployError` if there are tags, and a flow was deployed by a version that knew none of a run."""
    fields = (flow.schema or {}).get("properties") or {}
    if tuple(tags) and TAGS not in fields:
        raise DeployError(
            f"the flow at {flow.path} was deployed by a version of metaflow-windmill that tags all runs of a "
            "flow or none; deploy it again with `windmill create`"
        )


def trigger(
    windmill: Windmill,
    path: str,
    record: Record,
    values: Mapping[str, Json],
    texts: Mapping[str, str] | None = None,
    *,
    version: int | None = None,
    tags: Iterable[str] = (),
) -> Triggered:
    """Start a run of a deployed flow with values for its parameters.

    Parameters
    ----------
    windmill : Windmill
    path : str
    record : Record
    values, texts : mapping
        Of the parameters, as `arguments_of` takes them.
    version : int or None
        The version that the record is of; the newest one is looked up if it is not known.
    tags : iterable of str
        Of this run, beside those of the deployment.

    Raises
    ------
    InvalidParameter
        Before anything is sent.
    WindmillError
    """
    arguments = {**arguments_of(record.parameters, values, texts), **argument_of(tags)}
    return started(windmill, path, record, arguments, version)


def started(
    windmill: Windmill, path: str, record: Record, arguments: Mapping[str, Json], version: int | None
) -> Triggered:
    """Start a run with arguments as Windmill takes them, by version where it is known."""
    job_id = str(uuid4())
    try:
        if version is None:
            windmill.run_flow(path, arguments, job_id)
        else:
            windmill.run_flow_version(path, version, arguments, job_id)
    except WindmillError as why:
        if not _unknown(why):
            raise
        raise DeployError(
            f"{why} Whether the run began is not known; if it did, it is {run_id_of(job_id)}: look for it by "
            "`windmill list-runs` before you start another"
        ) from why
    return Triggered(record.flow, path, job_id, record.token)


def _unknown(why: WindmillError) -> bool:
    """Tell whether a run may have begun although its start was answered with an error, or not at all."""
    if isinstance(why, Unreachable):
        return why.broke
    return why.status is not None and why.status >= SERVER_ERROR
