"""The page of a run that succeeded, as Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.contract.report import MOST_CHARACTERS
from metaflow_windmill.runtime.report.cards import address
from metaflow_windmill.runtime.report.markdown import fenced, plain, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from metaflow_windmill.runtime.report.artifacts import Artifact
    from metaflow_windmill.runtime.report.step_outcomes import StepTimes

MOST_STEPS, MOST_ARTIFACTS, MOST_CARDS = 100, 60, 50
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class SucceededRun:
    """A run that succeeded.

    Parameters
    ----------
    pathspec, token : str
        Of the run, and of the deployment.
    workspace : str
    end : str
        The end step.
    seconds : float or None
        Since the run began; None where Windmill did not tell.
    steps : sequence of StepTimes
        Empty where Windmill did not tell.
    artifacts : sequence of Artifact
        Of the end step's task.
    cards : mapping of str to sequence of str
        The ids or types of the cards of each step.
    pages : bool
        Whether the workspace has the script that shows cards.
    closed : int
        Jobs of several tasks each that count as one.
    whole : bool
        Whether all jobs were counted.
    said : sequence of (str, str, str)
        The step, the id and the Markdown of each card that is small.
    """

    pathspec: str
    token: str
    workspace: str
    end: str
    seconds: float | None = None
    steps: Sequence[StepTimes] = ()
    artifacts: Sequence[Artifact] = ()
    cards: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pages: bool = False
    closed: int = 0
    whole: bool = True
    said: Sequence[tuple[str, str, str]] = ()


def page_of(ended: SucceededRun) -> str:
    """Return the page; what comes last is left out where it would be longer than Windmill shows."""
    parts = [_head(ended), *_artifacts(ended), *_steps(ended), *_cards(ended), *_said(ended)]
    page, more = parts[0], "*(more than fits here was left out)*"
    for part in parts[1:]:
        if len(page) + len(part) + len(more) > MOST_CHARACTERS:
            return f"{page}\n\n{more}"
        page += f"\n\n{part}"
    return page


def _head(ended: SucceededRun) -> str:
    flow = ended.pathspec.partition("/")[0]
    tasks, retries = (sum(getattr(step, name) for step in ended.steps) for name in ("tasks", "retries"))
    facts = [f"in {time_text(ended.seconds)}" if ended.seconds is not None else ""]
    facts += [counted(tasks, "task"), counted(retries, "retry", "retries")] if tasks else []
    code = (
        "from metaflow import Run, namespace\n"
        f'namespace("production:{ended.token}")\n'
        f'run = Run("{ended.pathspec}")'
    )
    title = f"## {plain(flow)} succeeded {', '.join(filter(None, facts))}".rstrip()
    return f"{title}\n\n`{ended.pathspec}` is read in Python by\n\n{fenced(code, 'python')}"


def _artifacts(ended: SucceededRun) -> list[str]:
    if not ended.artifacts:
        return []
    rows = [(item.name, item.type, size_text(item.size), item.text) for item in ended.artifacts]
    made = table(("artifact", "type", "size", "value"), rows[:MOST_ARTIFACTS], "<<>")
    return [f"### What {plain(ended.end)} holds", made, *_more(len(rows) - MOST_ARTIFACTS, "artifact")]


def _steps(ended: SucceededRun) -> list[str]:
    if not ended.steps:
        return []
    rows = [
        (step.step, str(step.tasks), str(step.retries), time_text(step.seconds), time_text(step.longest))
        for step in ended.steps[:MOST_STEPS]
    ]
    made = table(("step", "tasks", "retries", "took", "longest task"), rows, "<>>>>")
    jobs = f"{counted(ended.closed, 'job')} of several tasks each counted as one" if ended.closed else ""
    rest = "" if ended.whole else "There may be more jobs than were counted here."
    return ["### Steps", made, *_more(len(ended.steps) - MOST_STEPS, "step"), *filter(None, (jobs, rest))]


def _cards(ended: SucceededRun) -> list[str]:
    ran = {step.step: step.tasks for step in ended.steps}
    lines = [
        _card(ended, step, card, ran.get(step, 1))
        for step, cards in ended.cards.items()
        if not ran or ran.get(step)
        for card in cards
    ]
    if not lines:
        return []
    return ["### Cards", "\n".join(lines[:MOST_CARDS]), *_more(len(lines) - MOST_CARDS, "card")]


def _card(ended: SucceededRun, step: str, card: str, tasks: int) -> str:
    of = f"`{card}` of {plain(step)}" + (f", the first of {tasks} tasks" if tasks > 1 else "")
    run = ended.pathspec.rpartition("/")[2]
    if ended.pages:
        return f"- [{of}]({address(ended.workspace, run, step, card)})"
    return f"- {of}: `python flow.py card view {run}/{step}/{'...' if tasks > 1 else 't'}`"


def _said(ended: SucceededRun) -> list[str]:
    return [f"### Card `{card}` of {plain(step)}\n\n{text}" for step, card, text in ended.said]


def _more(number: int, what: str) -> list[str]:
    return [f"... and {counted(number, f'more {what}')}"] if number > 0 else []


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number of things."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def size_text(size: float) -> str:
    """Return a number of bytes for people."""
    for unit in _UNITS[:-1]:
        if size < 1000:  # noqa: PLR2004
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {_UNITS[-1]}"


def time_text(seconds: float) -> str:
    """Return a duration for people."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
