"""What a run asks people while it is followed: told once each, and as long as it waits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.telling.showing import time_text
from metaflow_windmill.client.pages import run_page
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.runs.approvals import SHOWN, asks_people, questions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.runs.approvals import Question
    from metaflow_windmill.types import Json

ASKED_EVERY = 2.0
"""Seconds between two looks at what a run waits for."""


@dataclass(frozen=True)
class Asked:
    """What a run asks, for one line that stays and for one that is told once."""

    short: str
    text: str


class Asking:
    """Looks now and then at what a run asks.

    Parameters
    ----------
    windmill : Windmill
    host : str
        The server's address, for the run's page.
    value : JSON value
        Of the deployed flow; one that asks nobody costs no request.
    clock : callable
    """

    def __init__(
        self, windmill: Windmill, host: str, value: Json, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._windmill, self._host, self._value, self._clock = windmill, host, value, clock
        self._asks, self._next = asks_people(value), 0.0
        self._last: tuple[Asked, ...] = ()

    def look(self, run: Job) -> tuple[Asked, ...]:
        """Return what the run asks now, as far as it was looked lately; no more than there is room for."""
        if run.state.final:
            self._last = ()
        elif self._asks and self._clock() >= self._next:
            found = questions(self._windmill, run, self._value, SHOWN)
            page = run_page(self._host, self._windmill.workspace, run.id)
            self._last = tuple(Asked(waits(each), sentence(run, each, page, found)) for each in found)
            self._next = self._clock() + ASKED_EVERY
        return self._last


def waits(question: Question) -> str:
    """Return in a few words what a run waits for, and until when."""
    until = f" until {time_text(question.until)}" if question.until else ""
    return f"waits for a person before {question.task}{until}"


def sentence(run: Job, question: Question, page: str, among: Sequence[Question]) -> str:
    """Return in one line what a run waits for, how that is answered, by whom and until when.

    Parameters
    ----------
    run : Job
    question : Question
    page : str
        The address of the run's page.
    among : sequence of Question
        All that the run asks.
    """
    how = question.command(run_id_of(run.id), alone=len(among) == 1)
    return f"{asks(question)} Answer by `{how}`, or on its page {page}. {whom(question)}"


def asks(question: Question) -> str:
    """Return what a run waits for, and what it asks."""
    ask = f": {' '.join(question.ask.split())}" if question.ask else "."
    return f"waits for a person before {question.task}{ask}"


def whom(question: Question) -> str:
    """Return who may answer and until when, as a sentence."""
    until = f", until {time_text(question.until)}" if question.until else ""
    not_you = "" if question.may_answer else "; you may not"
    return f"{question.who[:1].upper()}{question.who[1:]} may{until}{not_you}." if question.who else ""
