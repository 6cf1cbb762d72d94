"""A run of a deployed flow is asked for, under an id that is known before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from metaflow_windmill.deploy.arguments import arguments_of
from metaflow_windmill.deploy.names import run_id_of
from metaflow_windmill.deploy.ownership import our_record
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deploy.names import Identity
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Triggered:
    """A run that Windmill has accepted."""

    flow: str
    path: str
    job_id: str

    @property
    def run_id(self) -> str:
        """Metaflow's id of the run."""
        return run_id_of(self.job_id)

    @property
    def pathspec(self) -> str:
        """Metaflow's name of the run, ``<flow>/<run id>``."""
        return f"{self.flow}/{self.run_id}"


def deployed_record(windmill: Windmill, path: str, identity: Identity) -> Record:
    """Return the record of a deployment.

    Raises
    ------
    DeployError
        If there is none, or it is archived.
    NotOurs
        If something else is at the path.
    """
    flow = windmill.find_flow(path)
    if flow is None:
        raise DeployError(
            f"{identity} is not deployed at {path} in the workspace {windmill.workspace}; "
            "deploy it with `windmill create` first"
        )
    if flow.archived:
        raise DeployError(f"the flow at {path} is archived; deploy it again with `windmill create`")
    return our_record(flow, identity)


def trigger(
    windmill: Windmill,
    path: str,
    record: Record,
    values: Mapping[str, Json],
    texts: Mapping[str, str] | None = None,
) -> Triggered:
    """Start a run of a deployed flow with values for its parameters.

    Raises
    ------
    InvalidParameter
        Before anything is sent.
    WindmillError
    """
    arguments = arguments_of(record.parameters, values, texts)
    return Triggered(record.flow, path, windmill.run_flow(path, arguments, str(uuid4())))
