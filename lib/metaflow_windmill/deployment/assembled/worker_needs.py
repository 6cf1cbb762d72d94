"""What the steps need of their workers, from the command line, the flow's files and the configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow._vendor import click
from metaflow.metaflow_config_funcs import from_conf

from metaflow_windmill.deployment.described.dependencies import codes_of
from metaflow_windmill.deployment.described.worker_tags import SETTING, read_rules, without_workers
from metaflow_windmill.errors import DeployError
from metaflow_windmill.package.found import FoundPackages, find_packages, lock_with, remarks, told
from metaflow_windmill.package.installed import InstalledPackages
from metaflow_windmill.package.lock import lock_for
from metaflow_windmill.package.reads import left_out
from metaflow_windmill.package.requirements import find_requirements
from metaflow_windmill.package.save import launcher
from metaflow_windmill.terminal.speech import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.compiler import StepScript, TagRule
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deployment.described.secret_references import Secret
    from metaflow_windmill.graph import Dag
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.package.reads import Read
    from metaflow_windmill.package.save import CodePackage

NONE = "none"
_UV = "uv"


@dataclass(frozen=True)
class Needed:
    """The code of steps that require packages, the lock of all others, and the rules for workers' tags."""

    codes: Mapping[str, StepScript]
    lock: str
    rules: tuple[TagRule, ...]


def needs_of(obj: CliState, dag: Dag, script: str, requirements: str | None, package: CodePackage) -> Needed:
    """Return what the steps need, and say what a person may not expect.

    Parameters
    ----------
    obj : CliState
        Of Metaflow's command line.
    dag : Dag
    script : str
        The code of every step.
    requirements : str or None
        ``--requirements``.
    package : CodePackage
        Its files are looked at where nothing else says what they import.

    Raises
    ------
    DeployError, PackageError
    """
    file, datastore = _file(obj, requirements), obj.flow_datastore.TYPE
    rules = read_rules(from_conf("WINDMILL_WORKER_TAGS", []))
    found, lock = FoundPackages(), None
    if file is not None:
        say(obj, f"Windmill installs for its steps what {file} asks for; --requirements takes another file.")
    elif requirements != NONE:
        packages = InstalledPackages()
        found = _found(obj, dag, package, packages)
        lock = lock_with(found, datastore, packages)
    codes = codes_of(dag, script, datastore, file, found.lines, locked=lock is not None)
    for step in without_workers(dag, rules):
        say(obj, f"Note: no rule in {SETTING} has workers for the @resources of the step {step}.")
    return Needed(codes, lock or lock_for(datastore), rules)


def _found(obj: CliState, dag: Dag, package: CodePackage, packages: InstalledPackages) -> FoundPackages:
    """Return the packages that the flow's files import, and say so."""
    files = {name: path for name, path in package.user_files().items() if name.endswith(".py")}
    texts = {name: path.read_text(encoding="utf-8", errors="replace") for name, path in files.items()}
    found = find_packages(texts, launcher().name, packages)
    if any(step.needs.packages and step.needs.packages.lines for step in dag.steps):
        found = replace(found, missing=())  # a step that names its packages need not have them here
    if found.packages:
        say(obj, told(found.packages))
    for remark in remarks(found):
        say(obj, f"Note: {remark}", fg="yellow")
    return found


def say_what_is_left_out(package: CodePackage, reads: Iterable[Read]) -> None:
    """Say which files the flow read when it was loaded and no task has; a quiet command says it too."""
    for sentence in left_out(reads, package.user_files().values()):
        click.secho(f"Note: {sentence}", fg="yellow", err=True)


def without_secrets(record: Record, secrets: Iterable[Secret]) -> Record:
    """Return the record without the variables that secrets set."""
    taken = {secret.name for secret in secrets}
    kept = {name: value for name, value in record.variables.items() if name not in taken}
    return replace(record, variables=kept)


def _file(obj: CliState, requirements: str | None) -> Path | None:
    """Return the file of requirements that holds for all steps."""
    if requirements == NONE:
        return None
    if requirements:
        return Path(requirements)
    found = find_requirements(launcher())
    if obj.environment.TYPE == _UV and (found is None or found.name != "uv.lock"):
        raise DeployError(
            "--environment=uv needs a uv.lock beside the flow or in a folder above it, inside of its "
            "repository; run `uv lock`"
        )
    return found
