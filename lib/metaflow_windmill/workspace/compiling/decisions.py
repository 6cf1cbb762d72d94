"""What the job decides of a compiled flow, whatever its repository says: place, identity, tag, stores."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.contract.notification import NOTIFY
from metaflow_windmill.contract.pack import PACK
from metaflow_windmill.contract.record import Record
from metaflow_windmill.deployment.described.dependencies import merged
from metaflow_windmill.deployment.described.names import DeploymentId, flow_path, labels_of
from metaflow_windmill.deployment.described.secret_references import read_secrets
from metaflow_windmill.deployment.described.worker_tags import read_rules
from metaflow_windmill.deployment.placed.newer import for_server
from metaflow_windmill.deployment.placed.ownership import with_record
from metaflow_windmill.errors import DeployError, InvalidDocument
from metaflow_windmill.openflow import scripts_in
from metaflow_windmill.package.lock import lock_for, normal, roots_for
from metaflow_windmill.package.script import split_requirements, with_requirements
from metaflow_windmill.package.target import IN_PACKAGE
from metaflow_windmill.workspace.compiling.notifying import credentials_of
from metaflow_windmill.workspace.compiling.stores import relocated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.compiler import TagRule
    from metaflow_windmill.contract.record import GitInfo, PackageInfo
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.compiling.compilation import Compiled
    from metaflow_windmill.workspace.compiling.configuration import Configuration
    from metaflow_windmill.workspace.compiling.discovery import FlowFile
    from metaflow_windmill.workspace.compiling.stores import Stores

_VARIABLE = re.compile(r"METAFLOW_[A-Z0-9_]+")


@dataclass(frozen=True)
class Decided:
    """A flow that may be deployed as it is, but for its production token.

    Parameters
    ----------
    document : JSON object
        The body of ``flows/create``.
    record : Record
    identity : DeploymentId
    """

    document: Json
    record: Record
    identity: DeploymentId

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
    release: tuple[int, ...] = (),
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
    release : tuple of int
        Of the server; empty where it is not known.

    Raises
    ------
    DeployError, InvalidDocument
        If the flow claims what is not its to claim.
    """
    claimed = compiled.vetted.record
    _check_claims(claimed, flow, configuration, owner)
    record = _decided_record(claimed, configuration, stores, owner, git)
    identity = DeploymentId.of(record)
    document = with_record(compiled.vetted.document, record)
    settle = _Settling(configuration, stores.datastore.type, pins)
    for script in list(scripts_in(document["value"])):
        settle.packages(script)
        settle.workers(script)
        settle.secrets(script)
    settle.check()
    placed = {
        **document,
        "path": flow_path(configuration.folder, identity),
        "labels": list(labels_of(record)),
    }
    final = relocated(placed, compiled.saved, stores)
    final = {**final, "value": for_server(final["value"], release)}
    return Decided(final, Record.from_json(final["value"]["flow_env"]["metaflow"]), identity)


def _decided_record(
    claimed: Record, configuration: Configuration, stores: Stores, owner: str, git: GitInfo
) -> Record:
    """Return the record with what the job decides in place of what the flow claims."""
    secret = {item.name for item in read_secrets(configuration.secrets)}
    return replace(
        claimed,
        variables={name: value for name, value in claimed.variables.items() if name not in secret},
        owner=owner,
        datastore=stores.datastore,
        metadata=stores.metadata,
        package=replace(claimed.package, url=""),
        namespace=None,
        tags=configuration.tags,
        git=git,
        workflow_timeout=configuration.workflow_timeout or None,
    )


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


class _Settling:
    """What is decided for every script of a flow: its packages, its workers, its secrets."""

    def __init__(self, configuration: Configuration, datastore: str, pins: Sequence[str]) -> None:
        self._default = configuration.worker_tag
        self._allowed = {*configuration.allowed_tags, *(rule.tag for rule in _tag_rules())}
        self._pins = tuple(pin for pin in pins if normal(_package(pin)) not in IN_PACKAGE)
        self._roots = roots_for(datastore)
        self._lock = lock_with(lock_for(datastore), self._pins)
        self._secrets = {secret.name: secret.reference for secret in read_secrets(configuration.secrets)}
        self._channels = credentials_of(configuration)
        self._refused: dict[str, str] = {}

    def packages(self, script: dict[str, Json]) -> None:
        """Give a step its lock; one with ``@pypi`` has none, and names all that it requires in its code."""
        code, lines, python = split_requirements(script["content"])
        if python:
            needed = merged(self._roots, self._pins, lines)
            script["content"] = with_requirements(code, needed, python)
            script.pop("lock", None)
        else:
            script["lock"] = self._lock

    def workers(self, script: dict[str, Json]) -> None:
        """Let a step choose its workers among those that it may choose."""
        asked = script.pop("tag", None)
        if asked and asked not in self._allowed | {self._default}:
            self._refused[_step_of(script)] = asked
        tag = asked or self._default
        script.update({"tag": tag} if tag else {})

    def check(self) -> None:
        """Refuse what steps asked for and may not have.

        Raises
        ------
        DeployError
            Naming every step.
        """
        if self._refused:
            steps = ", ".join(f"{step} for {tag[:60]!r}" for step, tag in self._refused.items())
            tags = ", ".join(sorted(map(repr, self._allowed))) or "none"
            raise DeployError(
                f"Steps ask for workers that the repository may not choose ({steps}). 'allowed_tags' of the "
                f"metaflow_repo resource names those that it may ({tags} now): add them there, or take "
                "@windmill(tag=...) out of the flow."
            )

    def secrets(self, script: dict[str, Json]) -> None:
        """Name the secrets that Windmill fills in when a step begins."""
        inputs = script["input_transforms"]
        inputs.pop("secrets", None)
        task = (inputs.get("task") or {}).get("value")
        notifies = isinstance(task, dict) and NOTIFY in task
        secrets = {**self._secrets, **(self._channels if notifies else {})}
        if secrets:
            inputs["secrets"] = {"type": "static", "value": secrets}


def _step_of(script: dict[str, Json]) -> str:
    """Return the step that a script is of, as far as it says so."""
    task = (script.get("input_transforms", {}).get("task") or {}).get("value")
    pack = task.get(PACK) if isinstance(task, dict) else None
    rows: Json = pack.get("steps") if isinstance(pack, dict) else [task]
    told = rows if isinstance(rows, list) else []
    return (
        ", ".join(str(row["step"]) for row in told if isinstance(row, dict) and row.get("step")) or "a step"
    )


def lock_with(lock: str, pins: Sequence[str]) -> str:
    """Return a lock that also has the repository's own requirements, which come before the job's versions."""
    header, *own = lock.splitlines()
    named = {normal(_package(line)): line for line in (*own, *pins)}
    return "\n".join([header, *(named[name] for name in sorted(named))])


def _package(line: str) -> str:
    return re.split(r"[=@ ]", line)[0]


def _tag_rules() -> tuple[TagRule, ...]:
    """Return the rules by which the workspace gives workers to ``@resources``."""
    from metaflow.metaflow_config_funcs import from_conf

    return read_rules(from_conf("WINDMILL_WORKER_TAGS", []))
