"""A module that waits for people: whether the one after it may begin, and what it sees of their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.devserver.store.approval_rows import Answer
    from metaflow_windmill.openflow import Suspend
    from metaflow_windmill.types import Json

USUAL_WAIT = 30 * 60
"""Seconds that a module waits which says nothing else."""

NOBODY: dict[str, Json] = {"resume": None, "resumes": [], "approvers": []}
"""What expressions see where nobody was asked."""


@dataclass(frozen=True)
class StillWaiting:
    """Some answers are missing."""

    missing: int
    required: int
    seconds: int


@dataclass(frozen=True)
class GoOn:
    """The next module begins, and its expressions see the answers."""

    names: dict[str, Json]


@dataclass(frozen=True)
class Disapproved:
    """The next module fails, whatever it tolerates otherwise."""

    result: Json


def decide(suspend: Suspend, answers: Sequence[Answer], *, waited: bool) -> StillWaiting | GoOn | Disapproved:
    """Decide what becomes of the module after one that waits.

    Parameters
    ----------
    suspend : Suspend
    answers : sequence of Answer
        In the order in which they came.
    waited : bool
        Whether the flow has waited already: it is asked again when all have answered, one has refused, or the
        time is over.
    """
    required = suspend.required_events or 0
    refusal = next((answer for answer in answers if not answer.approved), None)
    values = [answer.value for answer in answers]
    if refusal is None and len(answers) >= required:
        return GoOn(_names(values, answers))
    if refusal is None and not waited:
        seconds = USUAL_WAIT if suspend.timeout is None else suspend.timeout
        return StillWaiting(required - len(answers), required, seconds)
    error = _error(refusal)
    if suspend.extra.get("continue_on_disapprove_timeout"):
        return GoOn(_names([*values, error], answers))
    return Disapproved(error)


def _names(values: list[Json], answers: Sequence[Answer]) -> dict[str, Json]:
    approvers = [answer.approver or "anonymous" for answer in answers]
    return {"resume": values[-1] if values else None, "resumes": values, "approvers": approvers}


def _error(refusal: Answer | None) -> Json:
    if refusal is None:
        return {"error": {"message": "Timed out waiting to be resumed", "name": "SuspendedTimedOut"}}
    message = f"Disapproved by {refusal.approver or 'unknown'}"
    return {"error": {"message": message, "name": "SuspendedDisapproved"}}
