"""Checks what a repository's code answered with: a flow as this library compiles it, and nothing besides.

The document came out of a process that ran code from the repository, so it may say anything.
Windmill would run it with the rights of whoever starts the flow: code of its own, other
scripts of the workspace, secrets by reference (``$var:``), expressions that read variables.
All of that is refused here. What is left names steps, their inputs and their order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.compiler.hook_modules import HAND_ON
from metaflow_windmill.compiler.sections import ITEMS_OF_CHUNK
from metaflow_windmill.contract.record import Record
from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.openflow import (
    BranchAll,
    BranchOne,
    FlowValue,
    ForLoop,
    Identity,
    Javascript,
    Module,
    RawScript,
    Static,
    Suspend,
    WhileLoop,
    read_flow_value,
)
from metaflow_windmill.package.script import split_requirements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow_windmill.types import Json

MEMBERS = frozenset({"path", "summary", "description", "value", "schema", "labels"})

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*([\[<>=!~@][^\s;]*)?")
"""A requirement by name, version or address: one word, and none that begins with '-'."""
_FIRST_ERROR = re.compile(
    r"\[results\.\w+\[0\]\]\.flat\(Infinity\)\.find\(\(item\) => item && item\.error\)\.error"
)
_REFERENCE = re.compile(r"\$(var|jsonvar|res|encrypted|script):")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'")
_ROOTS = frozenset(
    {
        *("results", "result", "error", "flow_input", "flow_env", "resumes", "approvers"),
        *("true", "false", "null", "undefined"),
    }
)
_CALLS = (".slice", ".includes")
_MAY_STAND = re.compile(r"[A-Za-z0-9_$.\[\]()?:!&|<>=,+\- ]*")
_ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)|=>|\+\+|--")
_NAME = re.compile(r"(?<![A-Za-z0-9_$.])[A-Za-z_$][A-Za-z0-9_$]*")


_SUSPEND = frozenset(
    {
        *("resume_form", "user_auth_required", "user_groups_required", "self_approval_disabled"),
        "continue_on_disapprove_timeout",
    }
)


@dataclass(frozen=True)
class Vetted:
    """A document that may be deployed once its place and identity are decided, and its record."""

    document: dict[str, Json]
    record: Record


def vet(document: Json, script: str) -> Vetted:
    """Check the body of ``flows/create`` that a flow's own process printed.

    Parameters
    ----------
    document : JSON value
    script : str
        The code of every step, as this library has it.

    Raises
    ------
    InvalidDocument
        With the path of what this library would not have written.
    """
    if not isinstance(document, dict) or not isinstance(document.get("value"), dict):
        raise InvalidDocument("this is not the body of a flow")
    if unknown := set(document) - MEMBERS:
        raise InvalidDocument(f"the member '{min(unknown)}' is not one that a compiled flow has")
    for name, kind in (("summary", str), ("description", str), ("schema", dict)):
        if not isinstance(document.get(name), kind):
            raise InvalidDocument("the member is missing or not what it should be", name)
    try:
        value = read_flow_value(document["value"])
        _check_flow(value, script)
        _check_references(document, "")
    except RecursionError:
        raise InvalidDocument("the flow is nested too deeply", "value") from None
    whole = {**document, "value": value.to_json()}
    return Vetted(whole, Record.from_json(value.flow_env["metaflow"]))


def without_secrets(document: Json) -> Json:
    """Return a document without the input ``secrets`` of its steps, which the job writes itself.

    Raises
    ------
    InvalidDocument
        If it is nested too deeply.
    """
    try:
        return _without_secrets(document)
    except RecursionError:
        raise InvalidDocument("the flow is nested too deeply", "value") from None


def _without_secrets(value: Json) -> Json:
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    if not isinstance(value, dict):
        return value
    inputs = value.get("input_transforms")
    if value.get("type") == "rawscript" and isinstance(inputs, dict):
        value = {**value, "input_transforms": {name: inputs[name] for name in inputs if name != "secrets"}}
    return {key: _without_secrets(item) for key, item in value.items()}


def _check_flow(value: FlowValue, script: str) -> None:
    if set(value.flow_env) != {"metaflow"}:
        raise InvalidDocument("only 'metaflow' may stand here", "flow_env")
    if value.extra or value.preprocessor_module is not None or value.same_worker:
        raise InvalidDocument("the flow has settings that a compiled flow does not have", "value")
    _check_expression(value.skip_expr, "skip_expr")
    if not value.modules:
        raise InvalidDocument("the flow has no modules", "modules")
    for where, module in _walk(value.modules, "modules"):
        _check_module(module, where, script)
    if value.failure_module is not None:
        _check_module(value.failure_module, "failure_module", script)


def _walk(modules: tuple[Module, ...], where: str) -> Iterator[tuple[str, Module]]:
    for index, module in enumerate(modules):
        here = f"{where}[{index}]"
        yield here, module
        for name, inner in _inside(module):
            yield from _walk(inner, f"{here}.value.{name}")


def _inside(module: Module) -> Iterator[tuple[str, tuple[Module, ...]]]:
    value = module.value
    if isinstance(value, (ForLoop, WhileLoop)):
        yield "modules", value.modules
    elif isinstance(value, BranchAll):
        yield from ((f"branches[{index}].modules", arm.modules) for index, arm in enumerate(value.branches))
    elif isinstance(value, BranchOne):
        yield from ((f"branches[{index}].modules", arm.modules) for index, arm in enumerate(value.branches))
        yield "default", value.default


def _check_module(module: Module, where: str, script: str) -> None:
    value = module.value
    mocked = module.mock is not None and not isinstance(value, Identity)
    if module.extra or mocked:
        raise InvalidDocument("the module has settings that a compiled flow does not have", where)
    if not isinstance(value, (RawScript, ForLoop, WhileLoop, BranchAll, BranchOne, Identity)) or value.extra:
        raise InvalidDocument("this kind of module is not one that a compiled flow has", f"{where}.value")
    if module.suspend is not None:
        _check_suspend(module, module.suspend, f"{where}.suspend")
    if isinstance(value, RawScript):
        _check_step(value, f"{where}.value", script)
    for expression in _expressions(module):
        _check_expression(expression, where)


def _check_suspend(module: Module, suspend: Suspend, where: str) -> None:
    """Let only that wait which does nothing itself, and whose rules compute nothing."""
    groups = suspend.extra.get("user_groups_required", {"type": "static"})
    static = isinstance(groups, dict) and groups.get("type") == "static"
    alone = isinstance(module.value, RawScript) and module.value.content == HAND_ON
    if not alone or set(suspend.extra) - _SUSPEND or not static:
        raise InvalidDocument("the module waits in another way than a compiled flow's do", where)


def _check_step(value: RawScript, where: str, script: str) -> None:
    code, requirements, _ = split_requirements(value.content)
    if code not in (script, HAND_ON):
        raise InvalidDocument(
            "the code of the step is not this version's: the repository's requirements may pin another "
            "version of metaflow-windmill than the job runs",
            f"{where}.content",
        )
    plain = all(_WORD.fullmatch(line) for line in requirements)
    if value.language != "python3" or value.path is not None or not plain:
        raise InvalidDocument("the step is not what a compiled flow has", where)


def _expressions(module: Module) -> Iterator[str | None]:
    value = module.value
    stops = (module.stop_after_if, module.stop_after_all_iters_if)
    yield from (stop.expr for stop in stops if stop is not None)
    yield module.skip_if
    yield module.retry.retry_if if module.retry is not None else None
    transforms = [module.sleep, module.timeout, *getattr(value, "input_transforms", {}).values()]
    if isinstance(value, ForLoop):
        transforms += [value.iterator, value.parallelism]
    if isinstance(value, BranchOne):
        yield from (branch.expr for branch in value.branches)
    for transform in transforms:
        if isinstance(transform, Javascript):
            yield transform.expr
        elif transform is not None and not isinstance(transform, (Static, int)):
            yield "ai()"


def _check_expression(expression: str | None, where: str) -> None:
    """Refuse an expression that does more than look values up and compare them."""
    if expression in (None, ITEMS_OF_CHUNK) or _FIRST_ERROR.fullmatch(expression or ""):
        return
    plain = _TEXT.sub("0", expression)
    names = set(_NAME.findall(plain))
    opened = [plain[:at].rstrip() for at, char in enumerate(plain) if char == "("]
    if (
        not _MAY_STAND.fullmatch(plain)
        or _ASSIGNMENT.search(plain)
        or names - _ROOTS
        or any(
            before and before[-1] not in "(!&|?:=<>,[" and not before.endswith(_CALLS) for before in opened
        )
    ):
        raise InvalidDocument(
            f"the expression {expression[:80]!r} does more than a compiled flow's do", where
        )


def _check_references(value: Json, where: str) -> None:
    """Refuse texts that Windmill would replace by a variable or a resource."""
    if isinstance(value, str) and _REFERENCE.match(value):
        raise InvalidDocument(
            f"the text {value[:60]!r} refers to a secret or a resource of the workspace", where
        )
    if isinstance(value, (dict, list)):
        for key, item in _items(value):
            _check_references(item, f"{where}{key}")


def _items(value: Mapping[str, Json] | list[Json]) -> Iterator[tuple[str, Json]]:
    if isinstance(value, list):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
    else:
        yield from ((f".{key}", item) for key, item in value.items())
