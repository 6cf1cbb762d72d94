"""What the commands that start a run are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.cli.flow.options.parameter_options import given_tags, given_texts, given_values
from metaflow_windmill.cli.flow.options.shared import handed_on

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.cli.flow.options.shared import Decorator
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class RunOptions:
    """What a run is started with; `parameters` are the options that `ParameterCommand` gathers."""

    params: tuple[str, ...] | None
    params_file: str | None
    tags: tuple[str, ...] | None
    id_file: str | None
    parameters: Mapping[str, Any]

    def said(self) -> tuple[dict[str, Json], tuple[str, ...]]:
        """Return the parameters in the file, and the tags; see `given_values` and `given_tags`."""
        values = given_values(self.params_file)
        return values, given_tags(self.tags, values)

    def texts(self, obj: CliState) -> dict[str, str]:
        """Return what the command line says of parameters; see `given_texts`."""
        return given_texts(obj, self.parameters, self.params)


def run_options(run: str = "the run", *, tags: bool = True) -> Decorator:
    """Return what adds what a run is started with, for a command that gets it as `start`.

    Parameters
    ----------
    run : str
        What the help calls the run.
    tags : bool
        Whether ``--tag``, as the Deployer knows the tags of a deployment, is added; else it is there already.
    """
    file = "A JSON file with an object of parameters; for values too long for a command line."
    tag = "Tag this run, beside the tags of the deployment (repeatable)."
    many = {"multiple": True, "default": None}
    options = [
        click.option("--run-param", "run_params", **many, help="A parameter as name=value (repeatable)."),
        click.option("--run-params-file", default=None, help=file),
        *([click.option("--tag", "tags", **many, help=tag)] if tags else []),
        click.option("--run-id-file", default=None, help=f"Write the id of {run} to this file."),
    ]
    names = {"run_params": "params", "run_params_file": "params_file", "run_id_file": "id_file"}
    names |= {"tags": "tags", "parameters": "parameters"}
    return handed_on(*options, names=names, make=RunOptions, into="start")
