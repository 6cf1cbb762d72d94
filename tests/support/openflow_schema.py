"""OpenFlow as a JSON schema: what Windmill reads, and nothing that it would pass over in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}


def check_openflow(value: Json) -> None:
    """Raise what is wrong with the value of a flow."""
    Draft202012Validator(SCHEMA).validate(value)


def _object(required: dict[str, Json], optional: dict[str, Json] | None = None) -> Json:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _whole(most: int, least: int = 0) -> Json:
    return {"type": "integer", "minimum": least, "maximum": most}


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _list(of: Json, least: int = 0) -> Json:
    return {"type": "array", "items": of, "minItems": least}


def _kind(name: str, required: dict[str, Json], optional: dict[str, Json] | None = None) -> Json:
    return _object({"type": {"const": name}, **required}, optional)


_MODULES = _list(_ref("module"), least=1)
_INPUTS: Json = {"type": "object", "additionalProperties": _ref("transform")}
_STOP = _object({"expr": TEXT, "skip_if_stopped": FLAG}, {"error_message": TEXT})
_CONDITION = _object({"expr": TEXT})
_RETRY = _object(
    {},
    {
        "constant": _object({"attempts": _whole(2**32 - 1), "seconds": _whole(2**16 - 1)}),
        "exponential": _object(
            {"attempts": _whole(2**32 - 1), "multiplier": _whole(2**16 - 1), "seconds": _whole(2**16 - 1, 1)},
            {"random_factor": _whole(127)},
        ),
        "retry_if": _CONDITION,
    },
)

SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        {"modules": _MODULES},
        {"failure_module": _ref("module"), "flow_env": {"type": "object"}, "same_worker": FLAG},
    ),
    "$defs": {
        "module": _object(
            {"id": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, "value": _ref("value")},
            {
                "summary": TEXT,
                "retry": _RETRY,
                "timeout": _whole(2**31 - 1, 1),
                "stop_after_if": _STOP,
                "skip_if": _CONDITION,
                "continue_on_error": FLAG,
                "mock": _object({"enabled": FLAG, "return_value": {}}),
            },
        ),
        "transform": {
            "oneOf": [
                _kind("static", {"value": {}}),
                _kind("javascript", {"expr": {"type": "string", "minLength": 1}}),
            ]
        },
        "value": {
            "oneOf": [
                _kind(
                    "rawscript",
                    {"language": {"const": "python3"}, "content": TEXT, "input_transforms": _INPUTS},
                    {"lock": TEXT, "tag": TEXT, "path": TEXT},
                ),
                _kind("identity", {}),
                _kind(
                    "forloopflow",
                    {
                        "iterator": _ref("transform"),
                        "modules": _MODULES,
                        "parallel": FLAG,
                        "skip_failures": FLAG,
                    },
                    {"parallelism": _whole(2**16 - 1, 1)},
                ),
                _kind("whileloopflow", {"modules": _MODULES, "skip_failures": FLAG}),
                _kind(
                    "branchall",
                    {
                        "parallel": FLAG,
                        "branches": _list(
                            _object({"modules": _MODULES, "skip_failure": FLAG}, {"summary": TEXT}), least=1
                        ),
                    },
                ),
                _kind(
                    "branchone",
                    {
                        "branches": _list(_object({"expr": TEXT, "modules": _MODULES}, {"summary": TEXT})),
                        "default": _MODULES,
                    },
                ),
            ]
        },
    },
}
