"""Which steps of a resumed run are run anew in any case, by the graphs of both runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.types import Json

_SPREADING = frozenset({"split-foreach", "split-parallel"})
_SWITCH = "split-switch"


def steps_to_rerun(
    before: Mapping[str, Json], after: Mapping[str, Json], wanted: Iterable[str]
) -> tuple[str, ...]:
    """Return the steps none of whose tasks can be taken over.

    These are the steps that a person wants to run anew, those that are not what they were in the
    graph, and all that follows any of them. What a step does is not compared: a person changes
    the code of what failed, and says which of the rest to run anew.

    Parameters
    ----------
    before, after : mapping
        The steps of the run that is resumed and of the one that resumes it, as the artifact
        ``_graph_info`` has them (metaflow/flowspec.py).
    wanted : iterable of str
    """
    named = set(wanted)
    anew = {step for step in after if step in named or not _is_same(step, before, after)}
    waiting = list(anew)
    while waiting:
        further = set(after[waiting.pop()]["next"]) & after.keys() - anew
        anew |= further
        waiting += further
    return tuple(step for step in after if step in anew)


def _is_same(step: str, before: Mapping[str, Json], after: Mapping[str, Json]) -> bool:
    """Tell whether a task of a step may stand for one of the step as it is now.

    It must be reached from the same steps, and go on in the same manner: what comes after it
    depends on its number of splits, or on the branch that it chose.
    """
    if step not in before or _parents(step, before) != _parents(step, after):
        return False
    old, new = before[step], after[step]
    if _manner(old) != _manner(new):
        return False
    return new["type"] != _SWITCH or _choices(old) <= _choices(new)


def _parents(step: str, graph: Mapping[str, Json]) -> set[str]:
    return {name for name, info in graph.items() if step in info["next"] and name != step}


def _choices(info: Json) -> set[tuple[str, ...]]:
    """Return what a switch may go on to: one step, or of newer Metaflows' cases all steps of a list."""
    targets = (info.get("switch_cases") or dict.fromkeys(info["next"])).items()
    return {tuple(target) if isinstance(target, list) else (target or value,) for value, target in targets}


def _manner(info: Json) -> str:
    return str(info["type"]) if info["type"] in _SPREADING | {_SWITCH} else ""
