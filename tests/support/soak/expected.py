"""What each flow of a soak has to leave, by its number: the tasks of each step, and artifacts at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.types import Json

LINES = 5
"""Lines that each task prints: as in `flows/noted.py`."""


class Left(NamedTuple):
    """How many tasks each step has, and what the last one knows."""

    tasks: Mapping[str, int]
    artifacts: Mapping[str, Json]


def expected(flow: str, number: int) -> Left:
    """Return what a run that succeeded has left."""
    if flow == "SoakLinear":
        return Left({"start": 1, "middle": 1, "end": 1}, {"total": number + 2})
    if flow == "SoakForeach":
        count = 1 + number % 4
        total = count * number + sum(range(count))
        return Left({"start": 1, "body": count, "join": 1, "end": 1}, {"total": total})
    if flow == "SoakSwitch":
        side = "left" if number % 2 else "right"
        total = -number if number % 2 else number
        return Left({"start": 1, side: 1, "end": 1}, {"side": side, "total": total})
    if flow == "SoakRetries":
        return Left({"start": 1, "work": 1, "end": 1}, {"total": number * 2})
    if flow == "SoakSplit":
        tasks = dict.fromkeys(("start", "plus", "times", "join", "end"), 1)
        return Left(tasks, {"total": number + 7 + number * 7})
    if flow == "SoakResumed":
        return Left({"start": 1, "middle": 1, "end": 1}, {"total": number + 3})
    return Left({"only": 1}, {})
