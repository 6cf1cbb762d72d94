"""Which deployment a command line means: the flow, its project and branch, and its path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow.metaflow_config_funcs import from_conf

from metaflow_windmill.deployment.described.names import DEFAULT_FOLDER, DeploymentId, flow_path
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from metaflow_windmill.internals.deploying import CliState


@dataclass(frozen=True)
class Target:
    """A deployment, there or not: what it is, where it is, and the options that led to it."""

    identity: DeploymentId
    path: str
    given: TargetOptions


def meant(obj: CliState, given: TargetOptions) -> Target:
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
    identity = DeploymentId(obj.flow.name, whole.name, project or None, branch or None)
    return Target(identity, flow_path(folder_of(whole), identity), whole)


@dataclass(frozen=True)
class TargetOptions:
    """Options as they were given, each None where it was not; the group's stand in for a command's."""

    host: str | None = None
    token: str | None = field(default=None, repr=False)
    workspace: str | None = None
    name: str | None = None
    folder: str | None = None

    def over(self, other: TargetOptions) -> TargetOptions:
        """Return these options, with the other's where nothing was given."""
        pairs = {key: getattr(self, key) or getattr(other, key) for key in self.__dataclass_fields__}
        return TargetOptions(**pairs)


def folder_of(given: TargetOptions) -> str:
    """Return the folder that flows are deployed into."""
    return given.folder or str(from_conf("WINDMILL_FOLDER", DEFAULT_FOLDER))
