"""Reads the parts of an OpenFlow value that hold no modules: inputs, rules and leaves."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from metaflow_windmill.openflow.cursor import Cursor
from metaflow_windmill.openflow.leaves import Identity, Opaque, RawScript, Script, SubFlow
from metaflow_windmill.openflow.rules import (
    ConstantDelay,
    ExponentialDelay,
    Mock,
    Retry,
    StopAfterIf,
    Suspend,
)
from metaflow_windmill.openflow.transforms import Ai, InputTransform, Javascript, Number, Static

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

LANGUAGES = frozenset({
    *("ansible", "bash", "bigquery", "bun", "bunnative", "csharp", "dbt", "deno", "duckdb", "go"),
    *("graphql", "java", "mssql", "mysql", "nativets", "nu", "oracledb", "php"),
    *("postgresql", "powershell", "python3", "rlang", "ruby", "rust", "snowflake"),
})  # fmt: skip
_CHECKED = {"cache_ttl": (32, False), "priority": (16, True), "delete_after_secs": (32, True)}
_INPUTS = ("input_transforms", "input_transform")
_u16 = partial(Cursor.integer, bits=16)
_u32 = partial(Cursor.integer, bits=32)
_i8 = partial(Cursor.integer, bits=8, signed=True)


def rest(cursor: Cursor, *names: str) -> dict[str, Json]:
    """Return the members that have none of these names, with the numbers among them checked."""
    for name, (bits, signed) in _CHECKED.items():
        cursor.maybe(name, partial(Cursor.integer, bits=bits, signed=signed))
    return cursor.others(*names)


def read_transform(cursor: Cursor) -> InputTransform:
    """Read where an input comes from."""
    kind = cursor.required("type")
    if kind.text() == "static":
        return Static(cursor.object().get("value"))
    if kind.text() == "javascript":
        return Javascript(cursor.optional("expr", Cursor.text, ""))
    if kind.text() == "ai":
        return Ai()
    raise kind.fault(f"unknown input transform '{kind.text()}', expected static, javascript or ai")


def read_number(cursor: Cursor, *, bits: int, signed: bool = False) -> Number:
    """Read a number that is bare or a transform."""
    if not isinstance(cursor.value, dict):
        return cursor.integer(bits, signed=signed)
    transform = read_transform(cursor)
    if isinstance(transform, Static):
        cursor.maybe("value", partial(Cursor.integer, bits=bits, signed=signed))
    return transform


def read_expr(cursor: Cursor) -> str:
    """Read an object that holds an expression and nothing else."""
    return cursor.required("expr").text()


def read_stop(cursor: Cursor) -> StopAfterIf:
    """Read a condition to stop after a module."""
    return StopAfterIf(
        expr=read_expr(cursor),
        skip_if_stopped=cursor.required("skip_if_stopped").flag(),
        error_message=cursor.maybe("error_message", Cursor.text),
        error_include_result=cursor.optional("error_include_result", Cursor.flag, default=False),
    )


def read_retry(cursor: Cursor) -> Retry:
    """Read how often a failed module runs again."""
    retry = Retry(
        constant=cursor.optional("constant", _constant, ConstantDelay()),
        exponential=cursor.optional("exponential", _exponential, ExponentialDelay()),
        retry_if=cursor.maybe("retry_if", read_expr),
    )
    if retry.exponential.attempts > 0 and retry.exponential.seconds == 0:
        raise cursor.required("exponential").fault("exponential retries need a base ('seconds') above 0")
    return retry


def _constant(cursor: Cursor) -> ConstantDelay:
    return ConstantDelay(cursor.optional("attempts", _u32, 0), cursor.optional("seconds", _u16, 0))


def _exponential(cursor: Cursor) -> ExponentialDelay:
    return ExponentialDelay(
        attempts=cursor.optional("attempts", _u32, 0),
        multiplier=cursor.optional("multiplier", _u16, 1),
        seconds=cursor.optional("seconds", _u16, 0),
        random_factor=cursor.maybe("random_factor", _i8),
    )


def read_suspend(cursor: Cursor) -> Suspend:
    """Read what a module waits for."""
    return Suspend(
        required_events=cursor.maybe("required_events", _u32),
        timeout=cursor.maybe("timeout", _u32),
        extra=cursor.others("required_events", "timeout"),
    )


def read_mock(cursor: Cursor) -> Mock:
    """Read a result that stands in for the module's own."""
    return Mock(cursor.required("enabled").flag(), cursor.object().get("return_value"))


def read_raw_script(cursor: Cursor) -> RawScript:
    """Read a leaf whose code stands in the flow."""
    language = cursor.required("language")
    if language.text() not in LANGUAGES:
        raise language.fault(f"unknown language '{language.text()}'")
    return RawScript(
        content=cursor.required("content").text(),
        input_transforms=_transforms(cursor),
        language=language.text(),
        lock=cursor.maybe("lock", Cursor.text),
        path=cursor.maybe("path", Cursor.text),
        tag=cursor.maybe("tag", Cursor.text),
        extra=rest(cursor, "type", "language", "content", "lock", "path", "tag", *_INPUTS),
    )


def read_script(cursor: Cursor) -> Script:
    """Read a leaf that runs a deployed script."""
    return Script(
        path=_runnable_path(cursor),
        input_transforms=_transforms(cursor),
        hash=cursor.maybe("hash", Cursor.text),
        tag_override=cursor.maybe("tag_override", Cursor.text),
        extra=rest(cursor, "type", "path", "hash", "tag_override", *_INPUTS),
    )


def read_sub_flow(cursor: Cursor) -> SubFlow:
    """Read a deployed flow that is a module of this one."""
    return SubFlow(_runnable_path(cursor), _transforms(cursor), rest(cursor, "type", "path", *_INPUTS))


def read_identity(cursor: Cursor) -> Identity:
    """Read a module that only passes on what was there."""
    return Identity(rest(cursor, "type"))


def read_opaque(cursor: Cursor) -> Opaque:
    """Read a kind of module that nothing here runs."""
    return Opaque(cursor.required("type").text(), cursor.others("type"))


def _transforms(cursor: Cursor) -> dict[str, InputTransform]:
    # Documents of old spell the member without its last letter, and Windmill still takes it.
    older: dict[str, InputTransform] = cursor.optional("input_transform", _inputs, {})
    return cursor.optional("input_transforms", _inputs, older)


def _inputs(cursor: Cursor) -> dict[str, InputTransform]:
    return {name: read_transform(member) for name, member in cursor.members()}


def _runnable_path(cursor: Cursor) -> str:
    path = cursor.required("path")
    if path.text() and not path.text().startswith(("u/", "f/", "g/", "hub/")):
        raise path.fault(
            f"'{path.text()}' is not a path of the workspace: those start with u/, f/, g/ or hub/"
        )
    return path.text()
