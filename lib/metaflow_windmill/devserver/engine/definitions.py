"""The values of flows as the engine reads them: parsed once while they are in use."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.store import job_rows
from metaflow_windmill.openflow import (
    FlowValue,
    ForLoop,
    Identity,
    Module,
    RawScript,
    Script,
    WhileLoop,
    read_flow_value,
)

if TYPE_CHECKING:
    import sqlite3


KEPT = 64
"""Flow values that are kept parsed."""


class Definitions:
    """Flow values by the id of their text."""

    def __init__(self) -> None:
        self._parsed: OrderedDict[str, FlowValue] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, connection: sqlite3.Connection, document: str) -> FlowValue:
        """Return a stored flow value."""
        with self._lock:
            if document in self._parsed:
                self._parsed.move_to_end(document)
                return self._parsed[document]
        value = read_flow_value(json.loads(job_rows.get_document(connection, document)))
        with self._lock:
            self._parsed[document] = value
            while len(self._parsed) > KEPT:
                self._parsed.popitem(last=False)
        return value


def stored_text(value: FlowValue) -> str:
    """Return a flow value as it is stored: what the server makes of it, every default written out."""
    return json.dumps(value.to_json(), ensure_ascii=False, separators=(",", ":"))


def with_virtual_end(value: FlowValue) -> FlowValue:
    """Append the identity that a server adds where the last module sleeps or waits for events."""
    last = value.modules[-1] if value.modules else None
    if last is None or (last.sleep is None and last.suspend is None):
        return value
    return replace(value, modules=(*value.modules, Module(id=f"{last.id}-v", value=Identity())))


def part_of(flow: FlowValue, modules: tuple[Module, ...], suffix: str, *, preview: bool) -> FlowValue:
    """Return the flow that a loop's body or a branch becomes.

    The failure module goes along; in a preview its id gets the place where it stands.
    """
    failure = flow.failure_module
    if failure is not None and preview:
        failure = replace(failure, id=f"{failure.id}-{suffix}")
    return with_virtual_end(
        FlowValue(
            modules=modules,
            failure_module=failure,
            same_worker=flow.same_worker,
            extra={key: flow.extra[key] for key in ("preserve_step_tags",) if key in flow.extra},
        )
    )


def is_simple(flow: FlowValue, loop: ForLoop | WhileLoop, *, preview: bool) -> bool:
    """Tell whether each iteration of a loop is the job of its one leaf, without a flow job around it."""
    if isinstance(loop, ForLoop) and (loop.parallel or preview):
        return False
    if len(loop.modules) != 1 or flow.failure_module is not None:
        return False
    only = loop.modules[0]
    conditions = (only.sleep, only.suspend, only.retry, only.stop_after_if, only.stop_after_all_iters_if)
    return (
        isinstance(only.value, (RawScript, Script))
        and all(condition is None for condition in conditions)
        and only.skip_if is None
        and not (only.mock and only.mock.enabled)
        and "cache_ttl" not in only.extra
    )
