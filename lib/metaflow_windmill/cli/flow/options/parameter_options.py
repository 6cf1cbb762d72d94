"""The flow's own parameters as options of ``trigger`` and ``run``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.contract.tags import TAGS, tags_in
from metaflow_windmill.deployment.described.parameters import normal, saved
from metaflow_windmill.errors import InvalidParameter
from metaflow_windmill.internals.deploying import parameters_of
from metaflow_windmill.runs.arguments import split_text
from metaflow_windmill.terminal.speech import PlainCommand

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.internals.shapes import MetaflowParameter
    from metaflow_windmill.types import Json

PROTECTED = frozenset(
    {
        "help",
        "windmill_host",
        "windmill_token",
        "windmill_workspace",
        "run_params",
        "run_params_file",
        "run_id_file",
        "step_to_rerun",
        "origin_run_id",
        "deployer_attribute_file",
    }
)
"""Options that a parameter of the same name does not displace; `--run-param` reaches it nevertheless."""


_TYPE_TEXTS = {"int": "INTEGER", "float": "FLOAT", "bool": "BOOLEAN", "JSONTypeClass": "JSON", "dict": "JSON"}


class ParameterCommand(PlainCommand):
    """A command that takes the flow's parameters, each as a text or a file, and none of them required.

    Metaflow's own `add_custom_parameters` makes click demand required parameters and convert
    values, which hides ``--run-param`` and judges by the local file instead of by what is
    deployed. A parameter wins over an option of the same name, which then stands before the
    command: ``windmill --name X run --name Bob``.

    The callback gets the given texts as `parameters`, by the parameters' own names.
    """

    has_flow_params = True  # for Metaflow's Deployer, which adds them to `params` by itself

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.original_params = list(self.params)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options: the flow's parameters and what they leave of the command's own."""
        options = _options_of(ctx)
        names = {option.name for option in options}
        words = {word for option in options for word in option.opts}
        own = [
            option
            for option in self.original_params
            if option.name not in names and words.isdisjoint(option.opts)
        ]
        return [*options, *own, self.get_help_option(ctx)]

    def invoke(self, ctx: click.Context) -> object:
        """Gather the parameters into one argument of the callback."""
        texts = {}
        for option in _options_of(ctx):
            value = ctx.params.pop(option.name, None)
            if value is not None:
                texts[option.parameter] = value
        for option in self.original_params:
            ctx.params.setdefault(option.name, option.get_default(ctx))
        ctx.params["parameters"] = texts
        result: object = super().invoke(ctx)
        return result


class ParameterOption(click.Option):  # type: ignore[misc]  # click has no types here
    """An option for a parameter of the flow."""

    def __init__(self, parameter: MetaflowParameter, *, kept: bool = False) -> None:
        kind = parameter.kwargs.get("type")
        known = "[default: as in the run]" if kept else default_text(parameter.kwargs)
        super().__init__(
            (f"--{parameter.name}",),
            default=None,
            type=kind if is_file(kind) else str,
            metavar=type_text(parameter.kwargs),
            help="  ".join(filter(None, (parameter.kwargs.get("help"), known))),
        )
        self.parameter = str(parameter.name)


def type_text(told: Mapping[str, Any]) -> str:
    """Return what a parameter takes, as the help tells it; without a type, that of its default counts."""
    kind, default = told.get("type"), told.get("default")
    if is_file(kind):
        return "FILE"
    if kind is None:
        kind = str if default is None or callable(default) else type(default)
    name = getattr(kind, "__name__", None) or type(kind).__name__
    return _TYPE_TEXTS.get(name, "TEXT")


def default_text(told: Mapping[str, Any]) -> str:
    """Return what holds where a parameter is not given, as the help tells it."""
    default = told.get("default")
    if default is None:
        return "[required]" if told.get("required") else ""
    return f"[default: {'made when it is deployed' if callable(default) else default}]"


def given_tags(tags: Iterable[str] | None, values: dict[str, Json]) -> tuple[str, ...]:
    """Return the tags of a run, and take those out of the values that a file of parameters holds.

    Raises
    ------
    MetaflowTaggingError
        If Metaflow does not take one of them.
    InvalidDocument
        If the file holds something else.
    """
    from metaflow.tagging_util import validate_tags

    found = tuple(dict.fromkeys((*tags_in(values.pop(TAGS, None)), *(tags or ()))))
    validate_tags(found)
    return found


def given_texts(
    obj: CliState,
    parameters: Mapping[str, Any],
    run_params: tuple[str, ...] | None,
) -> dict[str, str]:
    """Return what the command line says of parameters; files are uploaded here and become their addresses."""
    files = {
        normal(parameter.name): parameter.kwargs["type"]
        for _, parameter in parameters_of(obj.flow)
        if is_file(parameter.kwargs.get("type"))
    }
    texts = {name: _uploaded(name, value) for name, value in parameters.items()}
    for pair in run_params or ():
        name, text = split_text(pair)
        texts[name] = _file_text(files[normal(name)], name, text) if normal(name) in files else text
    return texts


def given_values(file: str | None) -> dict[str, Json]:
    """Return the parameters in a JSON file.

    Raises
    ------
    InvalidParameter
        If it cannot be read, or holds no object.
    """
    if not file:
        return {}
    try:
        values = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as why:
        raise InvalidParameter(f"the parameters in {file} cannot be read: {why}") from None
    if not isinstance(values, dict):
        raise InvalidParameter(f"{file} must hold a JSON object with a value for each parameter")
    return values


def is_file(kind: object) -> bool:
    """Tell whether a type of a parameter is IncludeFile's."""
    from metaflow.includefile import FilePathClass

    return isinstance(kind, FilePathClass)


def _options_of(ctx: click.Context) -> list[ParameterOption]:
    flow = getattr(ctx.obj, "flow", None)
    if flow is None:
        return []
    kept = ctx.info_name == "resume"
    made = (ParameterOption(parameter, kept=kept) for _, parameter in parameters_of(flow))
    return [option for option in made if option.name not in PROTECTED]


def _file_text(kind: click.ParamType, name: str, text: str) -> str:
    try:
        return _uploaded(name, kind.convert(text, ParameterNamed(name), click.get_current_context()))
    except click.UsageError as why:
        raise InvalidParameter(f"the parameter {name!r} takes a file: {why.format_message()}") from None


class ParameterNamed:
    """All that Metaflow's conversion of a file asks of an option."""

    def __init__(self, name: str) -> None:
        self.name = name


def _uploaded(name: str, value: object) -> str:
    """Return the text that Windmill keeps for a value from the command line."""
    from metaflow.includefile import IncludedFile
    from metaflow.parameters import DelayedEvaluationParameter

    if isinstance(value, DelayedEvaluationParameter):
        return str(saved(name, lambda: value(return_str=True)))
    if isinstance(value, IncludedFile):
        return json.dumps(value.descriptor)
    return str(value)
