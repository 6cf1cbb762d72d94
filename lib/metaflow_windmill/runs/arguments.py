"""The values that a run is asked for with, checked against what the deployed flow takes."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from metaflow_windmill.contract.exact import exact
from metaflow_windmill.deployment.described.parameters import (
    carried,
    check_numbers,
    normal,
    takes,
    value_from_text,
)
from metaflow_windmill.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.contract.record import ParameterInfo
    from metaflow_windmill.types import Json

SHOWN = 60


def arguments_of(
    parameters: Iterable[ParameterInfo],
    values: Mapping[str, Json],
    texts: Mapping[str, str] | None = None,
) -> dict[str, Json]:
    """Return the arguments of a run, each under the parameter's own spelling.

    Parameters
    ----------
    parameters : iterable of ParameterInfo
        Of the deployed flow.
    values : mapping of str to JSON value
        Values with their types; None means that nothing was given, to Metaflow too.
    texts : mapping of str to str
        Values as they stand on a command line; they win.

    Raises
    ------
    InvalidParameter
        For a name that the flow does not have, a value of the wrong type, or a required
        parameter without one: one sentence with the name and what it takes.
    """
    taken = tuple(parameters)
    found = checked_arguments(taken, values, texts)
    for info in taken:
        if info.required and info.default is None and info.name not in found:
            raise InvalidParameter(
                f"the parameter {info.name!r} is required and takes {takes(info)}; "
                f"give it with --{info.name} or --run-param {info.name}=..."
            )
    return found


def checked_arguments(
    parameters: Iterable[ParameterInfo],
    values: Mapping[str, Json],
    texts: Mapping[str, str] | None = None,
) -> dict[str, Json]:
    """Return what `arguments_of` returns, without asking for what is required.

    A text that Windmill would take for a reference is written so that it arrives as it is.
    """
    known = {normal(info.name): info for info in parameters}
    found: dict[str, Json] = {}
    for name, value in values.items():
        info = _find(known, name)
        if value is not None:
            found[info.name] = _checked(info, value)
    for name, text in (texts or {}).items():
        info = _find(known, name)
        found[info.name] = _read(info, text)
    return {name: exact(value) for name, value in found.items()}


def split_text(pair: str) -> tuple[str, str]:
    """Return the name and the value of ``name=value``.

    Raises
    ------
    InvalidParameter
        If there is no name or no ``=``.
    """
    name, equals, value = pair.partition("=")
    if not name.strip() or not equals:
        raise InvalidParameter(f"--run-param takes name=value, not {_short(pair)}")
    return name.strip(), value


def _find(known: Mapping[str, ParameterInfo], name: str) -> ParameterInfo:
    info = known.get(normal(name))
    if info is None:
        names = [item.name for item in known.values()]
        raise InvalidParameter(f"the deployed flow has no parameter {name!r}; {_instead(name, names)}")
    return info


def _instead(name: str, names: list[str]) -> str:
    if not names:
        return "it has no parameters at all. If it is new in the flow file, create the flow again"
    near = get_close_matches(normal(name), [normal(item) for item in names], 1)
    if near:
        return f"did you mean {next(item for item in names if normal(item) == near[0])!r}?"
    return f"it has {', '.join(names)}. If it is new in the flow file, create the flow again"


def _read(info: ParameterInfo, text: str) -> Json:
    try:
        value = value_from_text(info, text)
    except ValueError as why:
        raise InvalidParameter(f"the parameter {info.name!r} takes {why}, not {_short(text)}") from None
    if info.type == "json":
        check_numbers(info.name, value)
    return value


def _checked(info: ParameterInfo, value: Json) -> Json:
    if not _fits(info, value):
        raise InvalidParameter(f"the parameter {info.name!r} takes {takes(info)}, not {_short(value)}")
    if info.type == "json":
        check_numbers(info.name, value)
    if info.type == "int":
        return carried(value)
    return carried(float(value)) if info.type == "float" else value


def _fits(info: ParameterInfo, value: Json) -> bool:
    if info.type == "bool" or isinstance(value, bool):
        return info.type in ("bool", "json") and (info.type == "json" or isinstance(value, bool))
    if info.type == "float":
        return isinstance(value, (int, float))
    if info.choices:
        return value in info.choices
    return info.type == "json" or isinstance(value, int if info.type == "int" else str)


def _short(value: Json) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."
