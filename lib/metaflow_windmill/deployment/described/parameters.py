"""Metaflow's parameters as plain data, and the form that Windmill shows for them."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, TypeVar

from metaflow_windmill.contract.exact import refers
from metaflow_windmill.contract.record import ParameterInfo
from metaflow_windmill.contract.tags import TAGS, schema_of_tags
from metaflow_windmill.errors import DeployError, InvalidParameter
from metaflow_windmill.internals.deploying import kept_for_metaflow, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from metaflow_windmill.internals.shapes import MetaflowFlow, MetaflowParameter
    from metaflow_windmill.types import Json

T = TypeVar("T")

DRAFT = "https://json-schema.org/draft/2020-12/schema"

CONSTANT = "constant"
MOST_EXACT = 2**53
"""The largest whole number up to which JavaScript has all of them."""

_SCHEMA_TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "json": "object",
    "file": "string",
}
_OTHER_NAMES = {
    "JSON": "json",
    "FilePath": "file",
    "integer": "int",
    "integer range": "int",
    "float range": "float",
    "boolean": "bool",
}
_UNREADABLE = (dict, list, tuple, set, frozenset)
"""Types that would take a text apart instead of reading it."""

_TRUE = frozenset({"true", "t", "1", "yes", "y", "on"})
_FALSE = frozenset({"false", "f", "0", "no", "n", "off"})
_FILE_NOTE = "A file: `trigger` on the command line uploads it and writes its address here."


def read_parameters(flow: MetaflowFlow, *, scheduled: bool = False) -> tuple[ParameterInfo, ...]:
    """Return the parameters of a Metaflow flow, their deploy-time defaults evaluated.

    Parameters
    ----------
    flow : metaflow.FlowSpec
    scheduled : bool
        Whether the flow runs by itself, so that nobody gives a required value.

    Raises
    ------
    DeployError
        If a name is no option's, two names differ by case only, Metaflow would not see a parameter, a
        default does not fit its type, or a scheduled run would miss a value.
    """
    _check_attributes(flow)
    found: dict[str, ParameterInfo] = {}
    for attribute, parameter in parameters_of(flow):
        info = _read(attribute, parameter)
        if not normal(info.name).isidentifier():
            raise DeployError(
                f"the parameter {info.name!r} cannot be given on a command line, which is how Metaflow takes "
                "it; use letters, digits, '_' and '-' in its name, and begin with a letter"
            )
        if other := found.get(normal(info.name)):
            raise DeployError(
                f"the parameters {other.name!r} and {info.name!r} differ only by case or dashes, which "
                "Metaflow does not tell apart; rename one of them"
            )
        found[normal(info.name)] = info
    missing = [info.name for info in found.values() if info.required and info.default is None]
    if scheduled and missing:
        raise DeployError(
            f"the flow has a schedule, and nobody gives its required parameters {', '.join(missing)} then; "
            "give them defaults, or take @schedule away"
        )
    return tuple(found.values())


def normal(name: str) -> str:
    """Return the form in which two spellings of a parameter's name are equal, as for Metaflow's options."""
    return name.replace("-", "_").lower()


def schema_of(parameters: Iterable[ParameterInfo]) -> dict[str, Json]:
    """Return the JSON schema of a flow's inputs, from which Windmill makes its form."""
    listed = tuple(info for info in parameters if info.type != CONSTANT)
    return {
        "$schema": DRAFT,
        "type": "object",
        "properties": {**{info.name: _property(info) for info in listed}, TAGS: schema_of_tags()},
        "required": [info.name for info in listed if info.required and info.default is None],
        "order": [*(info.name for info in listed), TAGS],
    }


def value_from_text(info: ParameterInfo, text: str) -> Json:
    """Return the value that a text on a command line means for a parameter.

    Raises
    ------
    ValueError
        If it means none; the text of the error is what the parameter takes.
    """
    try:
        value = _READERS.get(info.type, str)(text)
    except ValueError:
        raise ValueError(takes(info)) from None
    if info.type == CONSTANT or (info.choices and value not in info.choices):
        raise ValueError(takes(info))
    return value


def carried(number: float) -> float | str:
    """Return a number that Windmill carries exactly, or else the text that Python reads it from.

    JSON has no infinities and no NaN, and Windmill's numbers are those of JavaScript.
    """
    exact = abs(number) <= MOST_EXACT if isinstance(number, int) else isfinite(number)
    return number if exact else str(number)


def check_numbers(name: str, value: Json) -> None:
    """Refuse a value of a JSON parameter with a number that Windmill does not carry exactly.

    Raises
    ------
    InvalidParameter
    """
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_numbers(name, part)
    if isinstance(value, (int, float)) and carried(value) != value:
        raise InvalidParameter(
            f"the parameter {name!r} holds the number {value}, which Windmill does not carry exactly: its "
            f"numbers are finite, and whole ones no larger than {MOST_EXACT}. Write it as a text"
        )


def saved(name: str, save: Callable[[], T]) -> T:
    """Return what Metaflow makes of a file, which it saves in the datastore.

    Raises
    ------
    DeployError
        If it cannot be.
    """
    from metaflow.exception import ParameterFieldFailed

    try:
        return save()
    except ParameterFieldFailed as failed:
        why: BaseException = failed
        while isinstance(why, ParameterFieldFailed) and why.__context__:
            why = why.__context__
        raise DeployError(
            f"the file of the parameter {name!r} cannot be kept in the flow's datastore "
            f"({type(why).__name__}: {str(why).strip().partition(chr(10))[0]}); see that this machine can "
            "read the one and write to the other"
        ) from failed


def takes(info: ParameterInfo) -> str:
    """Return what a parameter takes, as words."""
    if info.choices:
        return f"one of {', '.join(info.choices)}"
    return {
        CONSTANT: "its default only: Metaflow reads no such value from a command line. Use type=JSONType",
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "json": "a JSON value",
        "file": "a file that Metaflow has uploaded",
    }.get(info.type, "a text")


def _check_attributes(flow: MetaflowFlow) -> None:
    """Refuse parameters in attributes that Metaflow keeps for itself: it takes no notice of them."""
    from metaflow.parameters import Parameter

    for attribute in kept_for_metaflow(flow):
        hidden = getattr(type(flow), attribute, None)
        if isinstance(hidden, Parameter):
            raise DeployError(
                f"Metaflow keeps self.{attribute} for itself, so it does not see the parameter "
                f"{hidden.name!r}; call the attribute otherwise, such as my_{attribute} = Parameter(...)"
            )


def _read(attribute: str, parameter: MetaflowParameter) -> ParameterInfo:
    options = parameter.kwargs
    kind, given = _type_of(options.get("type")), options.get("default")
    return ParameterInfo(
        name=parameter.name,
        python_name=attribute,
        type=kind,
        required=bool(options.get("required")),
        default=_default(parameter.name, kind, given),
        help=options.get("help") or "",
        separator=getattr(parameter, "separator", None),
        is_text=getattr(options.get("type"), "_is_text", True) is not False,
        encoding=getattr(options.get("type"), "_encoding", None),
        made=given is not None and callable(given),
        choices=tuple(map(str, getattr(options.get("type"), "choices", None) or ())),
    )


def _type_of(given: object) -> str:
    """Return our name of a parameter's type, which may be a Python type or one of click's."""
    if given in _UNREADABLE:
        return CONSTANT
    name = str(getattr(given, "__name__", "") or getattr(given, "name", ""))
    known = _OTHER_NAMES.get(name, name)
    return known if known in _SCHEMA_TYPES else "str"


def _default(name: str, kind: str, given: object) -> Json:
    """Return a default as JSON, whether it was written down or is made at deploy time."""
    from metaflow.parameters import deploy_time_eval

    value = saved(name, lambda: deploy_time_eval(given)) if kind == "file" else deploy_time_eval(given)
    blank = ParameterInfo(name, name, kind)
    try:
        if isinstance(value, str) and kind not in ("str", "file", CONSTANT):
            value = value_from_text(blank, value)
    except ValueError:
        raise DeployError(
            f"the default of the parameter {name!r} is {value!r}, and the parameter takes {takes(blank)}"
        ) from None
    if kind == "json":
        check_numbers(name, value)
    return _plain(value, kind)


def _plain(value: Json, kind: str) -> Json:
    """Return a default that is no text as JSON; what JSON cannot hold is described."""
    if isinstance(value, (int, float)) and kind in ("int", "float"):
        return carried(value)
    if value is None or kind not in ("str", CONSTANT):
        return value
    return str(value)


def _property(info: ParameterInfo) -> dict[str, Json]:
    notes = (
        info.help,
        _FILE_NOTE if info.type == "file" else "",
        f"Several, separated by {info.separator!r}." if info.separator else "",
    )
    made: dict[str, Json] = {
        "type": _SCHEMA_TYPES[info.type],
        "title": info.name,
        "description": "\n\n".join(note for note in notes if note),
    }
    if info.choices:
        made["enum"] = list(info.choices)
    no_number = info.type in ("int", "float") and isinstance(info.default, str)
    if info.default is None or no_number or refers(info.default):
        return made  # a form has no field for such a number, and sends such a text as a reference
    return {**made, "default": info.default}


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(text)


_READERS: dict[str, Callable[[str], Json]] = {
    "int": lambda text: carried(int(text)),
    "float": lambda text: carried(float(text)),
    "bool": _truth,
    "json": json.loads,
}
