"""What the steps need of their workers, from the command line, the flow's files and the configuration."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaflow.metaflow_config_funcs import from_conf

from metaflow_windmill.cli.flow.speech import say
from metaflow_windmill.deploy.dependencies import codes_of
from metaflow_windmill.deploy.worker_tags import SETTING, read_rules, without_workers
from metaflow_windmill.errors import DeployError
from metaflow_windmill.package import find_requirements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.compiler import Code, TagRule
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deploy.secrets import Secret
    from metaflow_windmill.graph import Dag

NONE = "none"
_UV = "uv"


@dataclass(frozen=True)
class Needed:
    """The code of the steps that require packages, and the rules for the tags of workers."""

    codes: Mapping[str, Code]
    rules: tuple[TagRule, ...]


def needs_of(obj: Any, dag: Dag, script: str, requirements: str | None) -> Needed:  # noqa: ANN401
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

    Raises
    ------
    DeployError, PackageError
    """
    file = _file(obj, requirements)
    codes = codes_of(dag, script, obj.flow_datastore.TYPE, file)
    rules = read_rules(from_conf("WINDMILL_WORKER_TAGS", []))
    if file is not None:
        say(obj, f"Windmill installs for its steps what {file} asks for; --requirements takes another file.")
    for step in without_workers(dag, rules):
        say(obj, f"Note: no rule in {SETTING} has workers for the @resources of the step {step}.")
    return Needed(codes, rules)


def without_secrets(record: Record, secrets: Iterable[Secret]) -> Record:
    """Return the record without the variables that secrets set."""
    taken = {secret.name for secret in secrets}
    kept = {name: value for name, value in record.variables.items() if name not in taken}
    return replace(record, variables=kept)


def _file(obj: Any, requirements: str | None) -> Path | None:  # noqa: ANN401
    """Return the file of requirements that holds for all steps."""
    if requirements == NONE:
        return None
    if requirements:
        return Path(requirements)
    found = find_requirements(Path(inspect.getfile(type(obj.flow))))
    if obj.environment.TYPE == _UV and (found is None or found.name != "uv.lock"):
        raise DeployError(
            "--environment=uv needs a uv.lock beside the flow or in a folder above it, inside of its "
            "repository; run `uv lock`"
        )
    return found
