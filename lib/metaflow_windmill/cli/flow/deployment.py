"""Which deployment a command line means: the flow, its project and branch, and its path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from metaflow_windmill.cli.flow.options import Given, folder_of
from metaflow_windmill.deploy.names import Identity, flow_path
from metaflow_windmill.errors import DeployError


@dataclass(frozen=True)
class Meant:
    """A deployment, there or not: what it is, where it is, and the options that led to it."""

    identity: Identity
    path: str
    given: Given


def meant(obj: Any, given: Given) -> Meant:  # noqa: ANN401  (Metaflow's CliState)
    """Return the deployment that the options mean.

    Raises
    ------
    DeployError
        If a name is given to a flow of a project, or a name or folder is none.
    """
    from metaflow import current

    whole = given.over(obj.windmill)
    project, branch = current.get("project_name"), current.get("branch_name")
    if project and whole.name:
        raise DeployError("--name cannot be used with @project; use --branch instead")
    identity = Identity(obj.flow.name, whole.name, project or None, branch or None)
    return Meant(identity, flow_path(folder_of(whole), identity), whole)
