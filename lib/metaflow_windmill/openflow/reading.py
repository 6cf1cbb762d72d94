"""Reads an OpenFlow value as leniently as Windmill does, and says of a fault where it stands.

Members that nothing here knows are kept as they are. A member that is null counts as absent.
"""

from __future__ import annotations

from functools import partial
from hashlib import sha1
from typing import TYPE_CHECKING

from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.openflow import parts
from metaflow_windmill.openflow.cursor import Cursor
from metaflow_windmill.openflow.document import (
    Arm,
    Branch,
    BranchAll,
    BranchOne,
    FlowValue,
    ForLoop,
    Module,
    Value,
    WhileLoop,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.types import Json

_FLOW_MEMBERS = (
    *("modules", "failure_module", "preprocessor_module", "same_worker", "flow_env"),
    *("skip_expr", "early_return"),
)
_MODULE_MEMBERS = (
    *("id", "value", "summary", "retry", "timeout", "stop_after_if", "stop_after_all_iters_if"),
    *("skip_if", "sleep", "suspend", "continue_on_error", "mock"),
)


def read_flow_value(value: Json, *, deployed: bool = True) -> FlowValue:
    """Read the value of a flow.

    Parameters
    ----------
    value : JSON value
    deployed : bool
        What a loop or branch that says nothing of failures means: Windmill skips them in a
        deployed flow, once its lock job has written its defaults out, and not in a preview.

    Returns
    -------
    FlowValue

    Raises
    ------
    InvalidDocument
        With the path of the fault, where Windmill would refuse the value too.
    """
    try:
        return _Reader(skips_failures=deployed).flow(Cursor(value))
    except RecursionError:
        raise InvalidDocument("the modules are nested too deeply", "modules") from None


class _Reader:
    """Reads what holds modules, which all follow one rule for flags that are not there."""

    def __init__(self, *, skips_failures: bool) -> None:
        self._skips_failures = skips_failures
        self._kinds: dict[str, Callable[[Cursor], Value]] = {
            "script": parts.read_script,
            "flow": parts.read_sub_flow,
            "forloopflow": self._for_loop,
            "whileloopflow": self._while_loop,
            "branchone": self._branch_one,
            "branchall": self._branch_all,
            "rawscript": parts.read_raw_script,
            "identity": parts.read_identity,
            "aiagent": parts.read_opaque,
            "flowscript": parts.read_opaque,
        }

    def flow(self, cursor: Cursor) -> FlowValue:
        """Read the value of a flow."""
        return FlowValue(
            modules=self._modules(cursor.required("modules")),
            failure_module=cursor.maybe("failure_module", self._module),
            preprocessor_module=cursor.maybe("preprocessor_module", self._module),
            same_worker=cursor.optional("same_worker", Cursor.flag, default=False),
            flow_env=cursor.optional("flow_env", Cursor.object, {}),
            skip_expr=cursor.maybe("skip_expr", Cursor.text),
            early_return=cursor.maybe("early_return", Cursor.text),
            extra=parts.rest(cursor, *_FLOW_MEMBERS),
        )

    def _modules(self, cursor: Cursor) -> tuple[Module, ...]:
        return tuple(self._module(item) for item in cursor.items())

    def _module(self, cursor: Cursor) -> Module:
        # Windmill draws an id by lot where there is none; one from the place stays the same.
        fallback = sha1(cursor.path.encode(), usedforsecurity=False).hexdigest()[:6]
        return Module(
            id=cursor.optional("id", Cursor.text, fallback),
            value=self._value(cursor.required("value")),
            summary=cursor.maybe("summary", Cursor.text),
            retry=cursor.maybe("retry", parts.read_retry),
            timeout=cursor.maybe("timeout", partial(parts.read_number, bits=32, signed=True)),
            stop_after_if=cursor.maybe("stop_after_if", parts.read_stop),
            stop_after_all_iters_if=cursor.maybe("stop_after_all_iters_if", parts.read_stop),
            skip_if=cursor.maybe("skip_if", parts.read_expr),
            sleep=cursor.maybe("sleep", parts.read_transform),
            suspend=cursor.maybe("suspend", parts.read_suspend),
            continue_on_error=cursor.optional("continue_on_error", Cursor.flag, default=False),
            mock=cursor.maybe("mock", parts.read_mock),
            extra=parts.rest(cursor, *_MODULE_MEMBERS),
        )

    def _value(self, cursor: Cursor) -> Value:
        kind = cursor.required("type")
        read = self._kinds.get(kind.text())
        if read is None:
            known = ", ".join(name for name in self._kinds if name != "flowscript")
            raise kind.fault(f"unknown module type '{kind.text()}', expected one of {known}")
        return read(cursor)

    def _for_loop(self, cursor: Cursor) -> Value:
        _refuse_squash(cursor)
        names = ("type", "iterator", "modules", "parallel", "skip_failures", "parallelism")
        return ForLoop(
            iterator=parts.read_transform(cursor.required("iterator")),
            modules=self._modules(cursor.required("modules")),
            parallel=cursor.optional("parallel", Cursor.flag, default=False),
            skip_failures=cursor.optional("skip_failures", Cursor.flag, self._skips_failures),
            parallelism=cursor.maybe("parallelism", partial(parts.read_number, bits=16)),
            extra=parts.rest(cursor, *names),
        )

    def _while_loop(self, cursor: Cursor) -> Value:
        _refuse_squash(cursor)
        return WhileLoop(
            modules=self._modules(cursor.required("modules")),
            skip_failures=cursor.optional("skip_failures", Cursor.flag, default=False),
            extra=parts.rest(cursor, "type", "modules", "skip_failures"),
        )

    def _branch_one(self, cursor: Cursor) -> Value:
        return BranchOne(
            branches=tuple(self._branch(item) for item in cursor.required("branches").items()),
            default=self._modules(cursor.required("default")),
            extra=parts.rest(cursor, "type", "branches", "default"),
        )

    def _branch(self, cursor: Cursor) -> Branch:
        return Branch(
            expr=cursor.optional("expr", Cursor.text, ""),
            modules=self._modules(cursor.required("modules")),
            summary=cursor.maybe("summary", Cursor.text),
            extra=parts.rest(cursor, "expr", "modules", "summary"),
        )

    def _branch_all(self, cursor: Cursor) -> Value:
        return BranchAll(
            branches=tuple(self._arm(item) for item in cursor.required("branches").items()),
            parallel=cursor.optional("parallel", Cursor.flag, default=True),
            extra=parts.rest(cursor, "type", "branches", "parallel"),
        )

    def _arm(self, cursor: Cursor) -> Arm:
        return Arm(
            modules=self._modules(cursor.required("modules")),
            summary=cursor.maybe("summary", Cursor.text),
            skip_failure=cursor.optional("skip_failure", Cursor.flag, self._skips_failures),
            extra=parts.rest(cursor, "modules", "summary", "skip_failure"),
        )


def _refuse_squash(loop: Cursor) -> None:
    """Refuse one process for all turns: without the Enterprise edition it ends the flow by an error."""
    if loop.optional("squash", Cursor.flag, default=False):
        raise loop.required("squash").fault("only Windmill's Enterprise edition runs a loop with 'squash'")
