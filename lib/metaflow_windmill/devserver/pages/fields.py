"""The fields of a form that a JSON schema asks for, and what was typed into them as arguments."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.types import Json

PREFIX = "arg."
"""What the names of a form's fields begin with, so that no argument is taken for something else."""

WHOLE = "arguments"
"""The name of the field for all arguments as JSON, where nothing says which there are."""

RESOURCE = "resource-"
LARGEST = 2**63


@dataclass(frozen=True)
class Field:
    """One argument in a form.

    Parameters
    ----------
    name, title, description : str
    kind : str
        ``text``, ``long``, ``secret``, ``bytes``, ``integer``, ``number``, ``boolean``, ``texts``, ``json``
        or ``resource``.
    required : bool
    default : JSON value
    options : tuple of JSON values
        The only values that it takes; empty for any.
    resource_type : str
        Of a resource.
    placeholder : str
    """

    name: str
    title: str
    kind: str = "text"
    description: str = ""
    required: bool = False
    default: Json = None
    options: tuple[Json, ...] = ()
    resource_type: str = ""
    placeholder: str = ""


@dataclass(frozen=True)
class Filled:
    """What a form holds: the arguments, or what is wrong by field, and what was typed."""

    arguments: dict[str, Json] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)


def fields_of(schema: Json) -> tuple[Field, ...]:
    """Return the fields that a schema asks for, in its order; none where it says nothing."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return ()
    order = [name for name in _list(schema.get("order")) if name in properties]
    names = dict.fromkeys([*order, *properties])
    required = set(map(str, _list(schema.get("required"))))
    return tuple(_field(name, properties[name], required=name in required) for name in names)


def typed_of(fields: Iterable[Field], arguments: Mapping[str, Json]) -> dict[str, str]:
    """Return what stands in the fields at first: the given arguments, and else the defaults."""
    found = {}
    for each in fields:
        value = arguments.get(each.name, each.default)
        if value is not None:
            found[each.name] = _written(each, value)
    return found


def read(fields: tuple[Field, ...], typed: Mapping[str, str]) -> Filled:
    """Return the arguments that were typed, or what is wrong with them.

    A field that is left empty is left out, as long as it is not required.
    """
    if not fields:
        return _read_whole(typed.get(WHOLE, ""))
    arguments: dict[str, Json] = {}
    wrong: dict[str, str] = {}
    for each in fields:
        text = typed.get(each.name, "")
        try:
            if text == "" and each.kind != "boolean" and not _takes_nothing(each):
                if each.required:
                    wrong[each.name] = "This has to be filled in."
                continue
            arguments[each.name] = _value(each, text)
        except ValueError as why:
            wrong[each.name] = str(why)
    return Filled(arguments, wrong, dict(typed))


def _takes_nothing(each: Field) -> bool:
    """Tell whether an empty text is a value of the field: its default or one of its options."""
    return each.kind in ("text", "long") and not each.required and (each.default == "" or "" in each.options)


def _read_whole(text: str) -> Filled:
    try:
        value = json.loads(text) if text.strip() else {}
    except ValueError:
        value = None
    if isinstance(value, dict):
        return Filled(value, {}, {WHOLE: text})
    return Filled({}, {WHOLE: 'Write a JSON object such as {"name": "value"}.'}, {WHOLE: text})


def _field(name: str, said: Json, *, required: bool) -> Field:
    told = said if isinstance(said, dict) else {}
    form = str(told.get("format") or "")
    options = told.get("enum")
    return Field(
        name=name,
        title=str(told.get("title") or name),
        kind=_kind(told, form),
        description=str(told.get("description") or ""),
        required=required,
        default=told.get("default"),
        options=tuple(options) if isinstance(options, list) else (),
        resource_type=form.removeprefix(RESOURCE) if form.startswith(RESOURCE) else "",
        placeholder=str(told.get("placeholder") or ""),
    )


def _kind(told: Mapping[str, Json], form: str) -> str:
    types = told.get("type")
    type_ = next((each for each in types if each != "null"), "") if isinstance(types, list) else types
    if form.startswith(RESOURCE):
        return "resource"
    if form.startswith("dynmultiselect-"):
        return "texts"
    if form.startswith("dynselect-"):
        return "text"
    if type_ in ("integer", "number", "boolean"):
        return str(type_)
    if type_ == "string":
        if told.get("contentEncoding") == "base64":
            return "bytes"
        if told.get("password") or form == "password":
            return "secret"
        return "long" if form in ("multiline", "sql", "yaml", "textarea") or told.get("minRows") else "text"
    is_texts = type_ == "array" and (told.get("items") or {}).get("type") == "string"
    return "texts" if is_texts else "json"


def _written(each: Field, value: Json) -> str:
    if each.kind == "texts" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "\n".join(value)
    if each.kind == "bytes" and isinstance(value, str):
        return _decoded(value)
    if isinstance(value, str) and each.kind not in ("json", "texts"):
        return value
    return json.dumps(value, ensure_ascii=False)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError:
        return value


def _value(each: Field, text: str) -> Json:
    if each.options and each.kind != "texts":
        return _chosen(each, text)
    if each.kind == "integer":
        return _whole(text)
    if each.kind == "number":
        return _number(text)
    if each.kind == "boolean":
        return text == "true"
    if each.kind == "texts":
        return _texts(text)
    if each.kind == "json" or (each.kind == "resource" and not text.startswith("$")):
        return _json(text)
    return base64.b64encode(text.encode()).decode() if each.kind == "bytes" else text


def _chosen(each: Field, text: str) -> Json:
    for option in each.options:
        if _written(each, option) == text:
            return option
    raise ValueError(f"Choose one of {', '.join(_written(each, option) for option in each.options)}.")


def _whole(text: str) -> int:
    try:
        number = int(text.strip())
    except ValueError:
        raise ValueError("Write a whole number such as 7.") from None
    if abs(number) >= LARGEST:
        raise ValueError("This number is too large.")
    return number


def _number(text: str) -> float:
    try:
        number = float(text.strip())
    except ValueError:
        number = nan
    if not isfinite(number):
        raise ValueError("Write a number such as 0.5.")
    return int(text) if text.strip().lstrip("+-").isdecimal() else number


def _texts(text: str) -> Json:
    """Read a list of texts: one a line, or JSON."""
    if text.lstrip().startswith("["):
        return _json(text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _json(text: str) -> Json:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError('This is not JSON; write texts in quotes, such as "a" or ["a", "b"].') from None


def _refuse(name: str) -> Json:
    raise ValueError(name)


def _list(told: Json) -> list[Json]:
    return told if isinstance(told, list) else []
