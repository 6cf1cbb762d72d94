"""The modules of a deployed flow, and which steps each of them runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from metaflow_windmill.contract.pack import Pack, read_task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json


class ModuleSteps(NamedTuple):
    """The steps that a module runs, and whether it runs several tasks, be it of one step."""

    steps: tuple[str, ...]
    packed: bool = False


def steps_of(value: Json) -> dict[str, ModuleSteps]:
    """Return what each module of a flow's value runs, but for those that run no step."""
    found: dict[str, ModuleSteps] = {}
    for module in modules_of(value):
        told = (module["value"].get("input_transforms") or {}).get("task") or {}
        task = read_task(told.get("value") or {})
        if isinstance(task, Pack):
            found[module["id"]] = ModuleSteps(tuple(spec.step for spec in task.steps), packed=True)
        elif task is not None:
            found[module["id"]] = ModuleSteps((task.step,))
    return found


def modules_of(value: Json) -> Iterator[Json]:
    """Go through the modules of a flow's value, or of a part of it, at any depth."""
    for module in [*(value.get("modules") or []), *(value.get("default") or [])]:
        yield module
        yield from modules_of(module["value"])
    for branch in value.get("branches") or []:
        yield from modules_of(branch)
