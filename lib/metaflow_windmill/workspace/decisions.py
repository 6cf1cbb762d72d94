"""What the job decides of a compiled flow, whatever its repository says: place, identity, tag, stores."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.deploy.names import Identity, flow_path, labels_of
from metaflow_windmill.deploy.upsert import with_record
from metaflow_windmill.errors import DeployError, InvalidDocument
from metaflow_windmill.package import lock_for
from metaflow_windmill.package.lock import normal
from metaflow_windmill.workspace.stores import relocated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow_windmill.contract.record import GitInfo, PackageInfo, Record
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.compilation import Compiled
    from metaflow_windmill.workspace.configuration import Configuration
    from metaflow_windmill.workspace.discovery import FlowFile
    from metaflow_windmill.workspace.stores import Stores

_IN_PACKAGE = frozenset({"metaflow", "metaflow-windmill"})
_VARIABLE = re.compile(r"METAFLOW_[A-Z0-9_]+")


@dataclass(frozen=True)
class Decided:
    """A flow that may be deployed as it is, but for its production token.

    Parameters
    ----------
    document : JSON object
        The body of ``flows/create``.
    record : Record
    identity : Identity
    """

    document: Json
    record: Record
    identity: Identity

    @property
    def path(self) -> str:
        """Where it goes."""
        return str(self.document["path"])


def decide(
    compiled: Compiled,
    flow: FlowFile,
    configuration: Configuration,
    stores: Stores,
    *,
    owner: str,
    git: GitInfo,
    pins: Sequence[str] = (),
) -> Decided:
    """Write the job's decisions into a compiled flow.

    Parameters
    ----------
    compiled : Compiled
    flow : FlowFile
    configuration : Configuration
    stores : Stores
    owner : str
        The Metaflow user whom the deployment belongs to.
    git : GitInfo
    pins : sequence of str
        What the repository's requirements came to.

    Raises
    ------
    DeployError, InvalidDocument
        If the flow claims what is not its to claim.
    """
    claimed = compiled.vetted.record
    _check_claims(claimed, flow, configuration, owner)
    record = replace(
        claimed,
        owner=owner,
        datastore=stores.datastore,
        metadata=stores.metadata,
        package=replace(claimed.package, url=""),
        namespace=None,
        tags=configuration.tags,
        git=git,
    )
    identity = Identity.of(record)
    document = with_record(compiled.vetted.document, record)
    lock = lock_with(lock_for(stores.datastore.type), pins)
    for script in _scripts(document["value"]):
        script["lock"] = lock
        tag = _tag(str(script.pop("tag", "")), configuration)
        script.update({"tag": tag} if tag else {})
    placed = {
        **document,
        "path": flow_path(configuration.folder, identity),
        "labels": list(labels_of(record)),
    }
    return Decided(relocated(placed, compiled.saved, stores), record, identity)


def with_saved_package(decided: Decided, package: PackageInfo) -> Json:
    """Return the document with the address of the package, once it is saved."""
    return with_record(decided.document, replace(decided.record, package=package))


def expected_branch(configuration: Configuration, owner: str) -> str:
    """Return the full name of the branch that ``@project`` makes of these options, as Metaflow does."""
    branch = configuration.project_branch
    if configuration.production:
        return f"prod.{branch}" if branch else "prod"
    return f"test.{branch}" if branch else f"user.{owner}"


def _check_claims(record: Record, flow: FlowFile, configuration: Configuration, owner: str) -> None:
    if flow.flows and record.flow not in flow.flows:
        raise InvalidDocument(f"{flow.path} printed the flow {record.flow}, which it does not define")
    expected = expected_branch(configuration, owner)
    if record.project and record.branch != expected:
        raise DeployError(
            f"{record.flow} is of the project {record.project} and calls its branch {record.branch}, but "
            f"this configuration makes it {expected}. Use Metaflow's @project on the flow's class itself, "
            "without a branch of its own."
        )
    for name in record.variables:
        if not _VARIABLE.fullmatch(name):
            raise InvalidDocument(
                f"the variable {name[:60]!r} is not Metaflow's", "flow_env.metaflow.variables"
            )


def _scripts(value: Json) -> Iterator[dict[str, Json]]:
    """Yield the scripts in a flow's value, to be changed in place."""
    if isinstance(value, list):
        for item in value:
            yield from _scripts(item)
    elif isinstance(value, dict) and value.get("type") == "rawscript":
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "flow_env":
                yield from _scripts(item)


def _tag(asked: str, configuration: Configuration) -> str:
    return asked if asked in configuration.allowed_tags else configuration.worker_tag


def lock_with(lock: str, pins: Sequence[str]) -> str:
    """Return a lock that also has the repository's own requirements, which come before the job's versions."""
    header, *own = lock.splitlines()
    named = {normal(re.split(r"[=@ ]", line)[0]): line for line in (*own, *pins)}
    return "\n".join([header, *(named[name] for name in sorted(named) if name not in _IN_PACKAGE)])
