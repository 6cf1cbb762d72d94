"""What a new deployment would change, in sentences: read from two documents, with nothing asked or done."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.deployment.placed.ownership import record_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Flow
    from metaflow_windmill.contract.record import ParameterInfo, Record, ScheduleInfo
    from metaflow_windmill.types import Json

SHA_SHOWN = 12


@dataclass(frozen=True)
class FlowDifference:
    """One thing that would be different.

    Parameters
    ----------
    part : str
        ``graph``, ``step``, ``parameter``, ``schedule``, ``package``, ``version``, ``settings``.
    name : str
        Which one.
    before, after : JSON value
        None where it is not there.
    """

    part: str
    name: str
    before: Json
    after: Json

    def __str__(self) -> str:
        what = f"{self.part} {self.name}".strip()
        if self.before is None:
            return f"+ {what}" if self.after is True else f"+ {what}: {self.after}"
        if self.after is None:
            return f"- {what}"
        return f"~ {what}: {self.before} -> {self.after}"


def difference(before: Json, after: Json) -> tuple[FlowDifference, ...]:
    """Return what differs between the values of two flows, each with a deployment record.

    Parameters
    ----------
    before, after : JSON object
        The ``value`` of a deployed flow and of a document.
    """
    old, new = record_in(before), record_in(after)
    found = [*_graph(before, after)]
    if old is not None and new is not None:
        found += [*_parameters(old, new), *_schedule(old, new), *_package(old, new), *_settings(old, new)]
    return tuple(found)


def page_difference(flow: Flow, document: Json) -> tuple[FlowDifference, ...]:
    """Return what a person sees change on the page of a deployed flow: its title and its description."""
    lines = zip_longest(flow.description.splitlines(), document["description"].splitlines(), fillvalue="")
    first = next(((old, new) for old, new in lines if old != new), None)
    pairs = {"title": (flow.summary, document["summary"]), "description": first or ("", "")}
    return tuple(FlowDifference("page", name, old, new) for name, (old, new) in pairs.items() if old != new)


def _graph(before: Json, after: Json) -> Iterator[FlowDifference]:
    old, new = _outline(before), _outline(after)
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new or name not in old:
            yield FlowDifference("step", name, True if name in old else None, True if name in new else None)
        elif old[name] != new[name]:
            for key in sorted(old[name].keys() | new[name].keys()):
                if old[name].get(key) != new[name].get(key):
                    yield FlowDifference("step", f"{name}: {key}", old[name].get(key), new[name].get(key))
    if list(old) != list(new) and set(old) == set(new):
        yield FlowDifference("graph", "order", ", ".join(old), ", ".join(new))


def _outline(value: Json) -> dict[str, dict[str, Json]]:
    """Return what matters of each module: not its script and lock, which the package and versions tell of."""
    return {module["id"]: _essence(module) for module in _modules(value.get("modules") or [], "")}


def _modules(modules: list[Json], inside: str) -> Iterator[Json]:
    for module in modules:
        value = module["value"]
        yield {**module, "inside": inside}
        yield from _modules(value.get("modules") or [], module["id"])
        yield from _modules(value.get("default") or [], f"{module['id']} else")
        for number, branch in enumerate(value.get("branches") or []):
            yield from _modules(branch.get("modules") or [], f"{module['id']} arm {number + 1}")


def _seconds(limit: Json) -> Json:
    """Return a limit of time as the compiler writes it; Windmill makes a transform of it."""
    return limit.get("value", limit.get("expr")) if isinstance(limit, dict) else limit


def _essence(module: Json) -> dict[str, Json]:
    """Return it as Windmill's own writing of a flow and the compiler's have it in common."""
    value = module["value"]
    kept = {
        "inside": module["inside"],
        "kind": value["type"],
        "retry": module.get("retry"),
        "timeout": _seconds(module.get("timeout")),
        "tag": value.get("tag"),
        "inputs": {
            name: item for name, item in (value.get("input_transforms") or {}).items() if name != "deployment"
        },
        "over": value.get("iterator"),
        "parallel": value.get("parallel") or None,
        "cases": [branch.get("expr") or "" for branch in value.get("branches") or []],
    }
    return {key: item for key, item in kept.items() if item not in (None, {}, [], "")}


def _parameters(old: Record, new: Record) -> Iterator[FlowDifference]:
    yield from _named(
        "parameter",
        {info.name: _parameter(info) for info in old.parameters},
        {info.name: _parameter(info) for info in new.parameters},
    )


def _parameter(info: ParameterInfo) -> str:
    default = "required" if info.required and info.default is None else f"default {info.default!r}"
    return f"{info.type}, {default}"


def _schedule(old: Record, new: Record) -> Iterator[FlowDifference]:
    if old.schedule != new.schedule:
        yield FlowDifference("schedule", "", _cron(old.schedule), _cron(new.schedule))


def _cron(schedule: ScheduleInfo | None) -> str | None:
    return f"{schedule.cron} {schedule.timezone}" if schedule else None


def _package(old: Record, new: Record) -> Iterator[FlowDifference]:
    if old.package.sha != new.package.sha:
        yield FlowDifference("package", "", old.package.sha[:SHA_SHOWN], new.package.sha[:SHA_SHOWN])
    yield from _named("version", old.versions, new.versions)


def _settings(old: Record, new: Record) -> Iterator[FlowDifference]:
    for name in ("owner", "tags", "namespace", "top_level", "datastore", "metadata", "workflow_timeout"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield FlowDifference("settings", name, _plain(before), _plain(after))
    yield from _named("variable", old.variables, new.variables)


def _named(part: str, old: dict[str, str], new: dict[str, str]) -> Iterator[FlowDifference]:
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) != new.get(name):
            yield FlowDifference(part, name, old.get(name), new.get(name))


def _plain(value: Json) -> Json:
    if isinstance(value, StoreInfo):
        return f"{value.type} {value.root}".strip()
    return (" ".join(value) if isinstance(value, tuple) else value) or "none"


def as_document(flow: Flow) -> Json:
    """Return a deployed flow as the body that would create it."""
    return {
        "path": flow.path,
        "summary": flow.summary,
        "description": flow.description,
        "value": flow.value,
        "schema": flow.schema,
        "labels": list(flow.labels),
    }
