"""A deployed flow without its flow file: found by an identifier, and rebuilt as far as a trigger needs it."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow.metaflow_config_funcs import from_conf

from metaflow_windmill.client.site import DEPLOYER, PYTHON, find_address, open_site
from metaflow_windmill.deployment.described.names import DEFAULT_FOLDER, DeploymentId, flow_path
from metaflow_windmill.deployment.placed.deployments import deployments
from metaflow_windmill.deployment.placed.ownership import record_in
from metaflow_windmill.errors import DeployError, InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow_windmill.client.site import Site
    from metaflow_windmill.contract.record import ParameterInfo, Record

_TYPES = {"str": "str", "int": "int", "float": "float", "bool": "bool", "json": "JSONType"}


@dataclass(frozen=True)
class RecoveredFlow:
    """A deployment that is there."""

    site: Site
    path: str
    record: Record

    @property
    def identifier(self) -> str:
        """Return what `find` takes, without a secret in it."""
        place = {"path": self.path, "workspace": self.site.windmill.workspace, "host": self.site.host}
        return json.dumps(place)

    @property
    def folder(self) -> str:
        """The folder that the deployment's own path begins in."""
        return self.path.rsplit("/", 3 if self.record.project else 1)[0]


def site_of(environment: Mapping[str, str] | None = None) -> Site:
    """Return the server and workspace that an environment names."""
    return open_site(find_address(environment=environment), DEPLOYER)


def find(identifier: str) -> RecoveredFlow:
    """Return a deployment by its identifier: JSON of `RecoveredFlow.identifier`, a path, or a name.

    A name is that of a flow in the configured folder, or ``project.branch.Flow``.

    Raises
    ------
    DeployError
        If there is none, or it is not of Metaflow.
    """
    place = _place(identifier)
    site = open_site(find_address(place.get("host"), None, place.get("workspace")), PYTHON)
    flow = site.windmill.find_flow(place["path"])
    record = record_in(flow.value) if flow else None
    if flow is None or record is None:
        raise DeployError(
            f"there is no deployed flow {identifier!r}: nothing of Metaflow is at {place['path']} in the "
            f"workspace {site.windmill.workspace} of {site.host}; DeployedFlow.list_windmill() tells what "
            "is there"
        )
    return RecoveredFlow(site, flow.path, record)


def find_all(flow_name: str | None) -> Iterator[RecoveredFlow]:
    """Yield the deployments of a workspace, of one flow or of all."""
    site = open_site(find_address(), PYTHON)
    for flow, record in deployments(site.windmill, flow_name):
        if isinstance(record, InvalidDocument):
            warnings.warn(f"{flow.path} is left out: {record}", stacklevel=2)
        else:
            yield RecoveredFlow(site, flow.path, record)


def stand_in(record: Record) -> str:
    """Return the text of a flow file with the name, project and parameters of a deployed flow.

    What the record says is written by `repr`: a help text is data, whoever deployed it.
    """
    if not record.flow.isidentifier():
        raise DeployError(f"{record.flow!r} is no name of a flow")
    project = f"@project(name={record.project!r})\n" if record.project else ""
    settable = [info for info in record.parameters if info.type != "constant"]  # those nobody can set
    lines = "".join(f"    {_parameter(info)}\n" for info in settable)
    return (
        "from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, project, step\n\n\n"
        f"{project}class {record.flow}(FlowSpec):\n{lines}"
        "    @step\n    def start(self):\n        self.next(self.end)\n\n"
        "    @step\n    def end(self):\n        pass\n\n\n"
        f'if __name__ == "__main__":\n    {record.flow}()\n'
    )


def branch_options(branch: str | None) -> dict[str, str | bool]:
    """Return the options of ``@project`` that lead to a branch; a user's own takes none."""
    kind, _, name = (branch or "").partition(".")
    options: dict[str, str | bool] = {"production": True} if kind == "prod" else {}
    return {**options, "branch": name} if kind in ("prod", "test") and name else options


def _parameter(info: ParameterInfo) -> str:
    if not info.python_name.isidentifier():
        raise DeployError(f"{info.python_name!r} is no name of a parameter")
    shared = f"help={info.help!r}, required={info.required and info.default is None}"
    if info.type == "file":
        text = f"is_text={info.is_text}, encoding={info.encoding or 'utf-8'!r}"
        return f"{info.python_name} = IncludeFile({info.name!r}, {text}, {shared})"
    return f"{info.python_name} = Parameter({info.name!r}, type={_TYPES[info.type]}, {shared})"


def _place(identifier: str) -> dict[str, str]:
    if identifier.lstrip().startswith("{"):
        try:
            place = json.loads(identifier)
            return {"path": str(place["path"]), **place}
        except (ValueError, KeyError, TypeError):
            raise DeployError(f"{identifier!r} is not the id of a deployed flow") from None
    if "/" in identifier:
        return {"path": identifier.strip("/")}
    folder = str(from_conf("WINDMILL_FOLDER", DEFAULT_FOLDER))
    project, _, rest = identifier.partition(".")
    branch, _, flow = rest.rpartition(".")
    identity = DeploymentId(flow, None, project, branch) if branch else DeploymentId(identifier)
    return {"path": flow_path(folder, identity)}
