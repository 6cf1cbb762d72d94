"""A run told line by line, until it is over or the patience is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.cli.flow.speech import INTERRUPTED, Failure, say
from metaflow_windmill.client.models import JobState
from metaflow_windmill.client.pages import run_page
from metaflow_windmill.contract.resume import CLONED
from metaflow_windmill.deploy.names import run_id_of
from metaflow_windmill.deploy.reasons import reason_of
from metaflow_windmill.deploy.watch import Watch, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from metaflow_windmill.cli.flow.options import Server
    from metaflow_windmill.client.models import Job
    from metaflow_windmill.deploy.reasons import Reason
    from metaflow_windmill.deploy.watch import Event, Look

EACH_TOLD = 20
"""A step with more tasks than this is told by counts."""
COUNTS_EVERY = 5.0
TASKS_NAMED = 3
REASON_SHOWN = 300
"""Characters of a reason in a line of its own."""
SHORTEST, LONGEST = 0.1, 2.0

_WORDS = {
    JobState.SUCCEEDED: "done",
    JobState.FAILED: "failed",
    JobState.CANCELED: "was stopped",
}
_COLOURS = {JobState.SUCCEEDED: "green", JobState.FAILED: "red", JobState.CANCELED: "yellow"}


@dataclass
class Counts:
    """How many tasks of a step began and how they ended."""

    began: int = 0
    ended: dict[str, int] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """How many are under way."""
        return self.began - sum(self.ended.values())

    def __str__(self) -> str:
        parts = [f"{number} {how}" for how, number in self.ended.items()]
        return ", ".join([*parts, f"{self.running} running"] if self.running else parts)


@dataclass
class Teller:
    """Tells what each look at a run brought."""

    tell: Callable[[str, datetime | None, str | None], None]
    clock: Callable[[], float] = time.monotonic
    steps: dict[str, Counts] = field(default_factory=dict)
    told: dict[str, tuple[float, str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    lines: int = 0

    def look(self, look: Look) -> bool:
        """Tell one look: a line a task, or for a step of many tasks a line of counts now and then.

        Returns
        -------
        bool
            Whether there was something to tell.
        """
        before = self.lines
        for event in look.events:
            self._ended(event) if event.ended else self._began(event)
        for step, counts in self.steps.items():
            if counts.began > EACH_TOLD:
                self._tell_counts(step, counts, last=look.run.state.final or counts.running == 0)
        return self.lines > before

    def _began(self, event: Event) -> None:
        task = event.task
        counts = self.steps.setdefault(task.step, Counts())
        counts.began += 1
        if counts.began <= EACH_TOLD:
            again = f" (attempt {task.attempt + 1})" if task.attempt else ""
            self._say(f"{task.name} started{again}", event.at, None)

    def _ended(self, event: Event) -> None:
        task = event.task
        counts, state = self.steps[task.step], task.job.state
        how = CLONED if CLONED in task.job.labels else _WORDS[state]
        counts.ended[how] = counts.ended.get(how, 0) + 1
        if state is JobState.FAILED:
            self.failed[task.name] = task.reason
        else:
            self.failed.pop(task.name, None)
        if counts.began <= EACH_TOLD or state is JobState.FAILED:
            after = "" if task.job.seconds is None else f" after {task.job.seconds:.1f} s"
            why = f": {shortened(task.reason)}" if task.reason else ""
            self._say(f"{task.name} {how}{after}{why}", event.at, _COLOURS[state])

    def _tell_counts(self, step: str, counts: Counts, *, last: bool) -> None:
        text, now = str(counts), self.clock()
        then, before = self.told.get(step, (-COUNTS_EVERY, ""))
        if text != before and (last or now - then >= COUNTS_EVERY):
            self.told[step] = (now, text)
            self._say(f"{step}: {text}", None, None)

    def _say(self, text: str, at: datetime | None, colour: str | None) -> None:
        self.lines += 1
        self.tell(text, at, colour)


@dataclass(frozen=True)
class Followed:
    """A run that is over: its job, and the tasks that failed in the end, each with its reason."""

    job: Job
    failed: Mapping[str, str] = field(default_factory=dict)


def follow(
    obj: Any,  # noqa: ANN401  (Metaflow's CliState)
    server: Server,
    job_id: str,
    path: str,
    max_wait: float | None = None,
) -> Followed:
    """Tell a run until it is over.

    Raises
    ------
    Failure
        If it is not over after `max_wait` seconds. It runs on.
    click.exceptions.Exit
        On Ctrl-C, with status 130. It runs on.
    """
    watch = Watch(server.windmill, job_id, steps_of(server.windmill.get_flow(path).value), EACH_TOLD)

    def tell(text: str, at: datetime | None, colour: str | None) -> None:
        say(obj, f"{_clock(at)}  {text}", fg=colour)

    teller = Teller(tell)
    try:
        return Followed(_until_over(watch, teller, max_wait), teller.failed)
    except KeyboardInterrupt:
        run = run_id_of(job_id)
        say(obj, f"\nThe run goes on. See it with `windmill status {run}` or stop it with")
        say(obj, f"`windmill terminate {run}`. Its page:")
        say(obj, run_page(server.host, server.workspace, job_id), indent=True)
        raise click.exceptions.Exit(INTERRUPTED) from None


def conclude(obj: Any, server: Server, run: Followed) -> None:  # noqa: ANN401
    """Say how a run ended.

    Raises
    ------
    Failure
        If it did not succeed, with what went wrong and where to read more.
    """
    job, run_id = run.job, run_id_of(run.job.id)
    name = f"{obj.flow.name}/{run_id}"
    if job.state is JobState.SUCCEEDED:
        say(obj, f"{name} is done.", bold=True, fg="green")
        return
    reason = reason_of(server.windmill, job)
    tasks = tuple(run.failed) or ((reason.step,) if reason.step else ())
    logs = f"\nIts log: python {_script()} logs {run_id}/{tasks[0]}" if tasks else ""
    page = run_page(server.host, server.workspace, job.id)
    ended = "was stopped" if job.state is JobState.CANCELED else f"failed{_at(tasks)}"
    said = f"{name} {ended}: {_why(run.failed, reason)}"
    raise Failure(f"{said}{logs}\nIts page: {page}", "The run did not succeed")


def shortened(reason: str) -> str:
    """Return the first line of a reason, not too long for a line of a terminal."""
    line = reason.strip().partition("\n")[0]
    return line if len(line) <= REASON_SHOWN else f"{line[:REASON_SHOWN]} ..."


def _why(failed: Mapping[str, str], reason: Reason) -> str:
    """Return why a run failed: the reason of the first task that did, and the others' where they differ."""
    first = next((text for text in failed.values() if text), reason.text)
    others = [(task, text) for task, text in failed.items() if text and text != first][:TASKS_NAMED]
    return "".join([first, *(f"\n{task}: {shortened(text)}" for task, text in others)])


def _until_over(watch: Watch, teller: Teller, max_wait: float | None) -> Job:
    end = None if max_wait is None else time.monotonic() + max_wait
    wait = SHORTEST
    while True:
        look = watch.look()
        told = teller.look(look)
        if look.run.state.final:
            return look.run
        if end is not None and time.monotonic() >= end:
            raise Failure(
                f"The run is not over after {max_wait:g} seconds; it goes on, and `windmill status "
                f"{run_id_of(look.run.id)}` tells where it is.",
                "Not waiting any longer",
            )
        # A look costs the server more, the more tasks there are: nobody waits for a line that is not told.
        wait = SHORTEST if told else min(wait * 1.4, LONGEST)
        time.sleep(wait if end is None else max(0.0, min(wait, end - time.monotonic())))


def _at(tasks: tuple[str, ...]) -> str:
    more = f" and {len(tasks) - TASKS_NAMED} more" if len(tasks) > TASKS_NAMED else ""
    return f" at {', '.join(tasks[:TASKS_NAMED])}{more}" if tasks else ""


def _clock(at: datetime | None) -> str:
    """Return a time of day where the reader is; now, if there is none."""
    return time.strftime("%H:%M:%S", time.localtime(at.timestamp() if at else None))


def _script() -> str:
    import sys
    from pathlib import Path

    return Path(sys.argv[0]).name
