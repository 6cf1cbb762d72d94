"""A run followed until it is over, or the patience is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.telling.asking import Asking
from metaflow_windmill.cli.flow.telling.fetched_metadata import fetch_metadata
from metaflow_windmill.cli.flow.telling.output import Output
from metaflow_windmill.cli.flow.telling.screen import screen_for
from metaflow_windmill.cli.flow.telling.teller import EACH_TOLD, shortened
from metaflow_windmill.client.models import JobState
from metaflow_windmill.client.pages import run_page
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.errors import WindmillError
from metaflow_windmill.runs.flow_modules import steps_of
from metaflow_windmill.runs.reasons import reason_of
from metaflow_windmill.runs.watch import RunWatch
from metaflow_windmill.terminal.paste import command_line
from metaflow_windmill.terminal.speech import INTERRUPTED, CommandError, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.cli.flow.telling.output import LogLine
    from metaflow_windmill.cli.flow.telling.screen import Screen
    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.runs.reasons import Reason
    from metaflow_windmill.runs.start import Triggered
    from metaflow_windmill.runs.watch import Look, TaskEvent

TASKS_NAMED = 3
SHORTEST, LONGEST = 0.1, 2.0
AFTER_OUTPUT = 0.5
"""Seconds to the next look where tasks print."""
ASKED = 32
"""Tasks that run whose logs are asked for at one look; with more, it is the turn of others at the next."""


@dataclass(frozen=True)
class FollowOptions:
    """Whether a run is followed, for how many seconds at most, and whether without what its tasks print."""

    wait: bool = True
    max_wait: float | None = None
    quiet_tasks: bool = False


@dataclass(frozen=True)
class Followed:
    """A run that is over: its job, and the tasks that failed in the end, each with its reason."""

    job: Job
    failed: Mapping[str, str] = field(default_factory=dict)


def see_through(obj: CliState, site: Site, run: Triggered, record: Record, how: FollowOptions) -> None:
    """Follow a run, if it is to be followed, and say how it ended; see `follow` and `conclude`."""
    if how.wait:
        ended = follow(obj, site, run.job_id, run.path, how)
        fetch_metadata(obj, record, run.run_id)
        conclude(obj, site, ended)


def follow(obj: CliState, site: Site, job_id: str, path: str, how: FollowOptions) -> Followed:
    """Show a run until it is over.

    Raises
    ------
    CommandError
        If it is not over after `max_wait` seconds. It runs on.
    click.exceptions.Exit
        On Ctrl-C, with status 130. It runs on.
    WindmillError
        If Windmill cannot be asked any more.
    """
    value, run = site.windmill.get_flow(path).value, run_id_of(job_id)
    watch = RunWatch(site.windmill, job_id, steps_of(value), EACH_TOLD)
    screen = screen_for(obj, site.windmill, value, f"{obj.flow.name}/{run}", run)
    asking = Asking(site.windmill, site.host, value)
    output = None if how.quiet_tasks else Output(site.windmill, partial(_pass_on, screen), most=ASKED)
    try:
        screen.begin()
        try:
            return _until_over(watch, screen, output, asking, how.max_wait)
        finally:
            screen.end()
    except (KeyboardInterrupt, WindmillError) as why:
        _say_how_to_go_on(obj, run, run_page(site.host, site.workspace, job_id))
        if isinstance(why, KeyboardInterrupt):
            raise click.exceptions.Exit(INTERRUPTED) from None
        raise


def conclude(obj: CliState, site: Site, run: Followed) -> None:
    """Say how a run ended.

    Raises
    ------
    CommandError
        If it did not succeed, with what went wrong and where to read more.
    """
    job, run_id = run.job, run_id_of(run.job.id)
    name = f"{obj.flow.name}/{run_id}"
    if job.state is JobState.SUCCEEDED:
        say(obj, f"{name} is done.", bold=True, fg="green")
        return
    reason = reason_of(site.windmill, job)
    tasks = tuple(run.failed) or ((reason.step,) if reason.step else ())
    logs = f"\nIts log: {command_line('logs', run_id, '--step', tasks[0])}" if tasks else ""
    logs += f"\nTo go on from it: {command_line('resume', run_id)}"
    page = run_page(site.host, site.workspace, job.id)
    ended = "was stopped" if job.state is JobState.CANCELED else f"failed{_at(tasks)}"
    said = f"{name} {ended}: {_why(run.failed, reason)}"
    raise CommandError(f"{said}{logs}\nIts page: {page}", "The run did not succeed")


def _why(failed: Mapping[str, str], reason: Reason) -> str:
    """Return why a run failed: the reason of the first task that did, and the others' where they differ."""
    first = next((text for text in failed.values() if text), reason.text)
    others = [(task, text) for task, text in failed.items() if text and text != first][:TASKS_NAMED]
    return "".join([first, *(f"\n{task}: {shortened(text)}" for task, text in others)])


def _until_over(
    watch: RunWatch, screen: Screen, output: Output | None, asking: Asking, max_wait: float | None
) -> Followed:
    end = None if max_wait is None else time.monotonic() + max_wait
    wait, failed = SHORTEST, dict[str, str]()
    while True:
        look = watch.look()
        printed = _show(look, screen, output)
        screen.asks(asking.look(look.run))
        told = screen.looked(look.run)
        note_failures(failed, look.events)
        if look.run.state.final:
            return Followed(look.run, failed)
        if end is not None and time.monotonic() >= end:
            raise CommandError(
                f"The run is not over after {max_wait:g} seconds; it goes on, and `windmill status "
                f"{run_id_of(look.run.id)}` tells where it is.",
                "Not waiting any longer",
            )
        # A look costs the server more, the more tasks there are: nobody waits for a line that is not told.
        longest = AFTER_OUTPUT if printed else LONGEST
        wait = SHORTEST if told else min(wait * 1.4, longest)
        time.sleep(wait if end is None else max(0.0, min(wait, end - time.monotonic())))


def _show(look: Look, screen: Screen, output: Output | None) -> bool:
    """Show what happened, what a task printed before its end; return whether any has printed."""
    before = output.lines if output else 0
    for event in look.events:
        if output:
            output.take(event)
        screen.event(event)
    if output:
        output.rest()
    return bool(output and output.lines > before)


def note_failures(failed: dict[str, str], events: Iterable[TaskEvent]) -> None:
    """Keep which tasks failed, and why; not those whose next attempt did better."""
    for event in events:
        if event.ended and event.task.job.state is JobState.FAILED:
            failed[event.task.name] = event.task.reason
        elif event.ended:
            failed.pop(event.task.name, None)


def _pass_on(screen: Screen, line: LogLine) -> None:
    """Show a line that a task wrote; the others are in ``windmill logs``."""
    if line.own:
        screen.line(line)


def _at(tasks: tuple[str, ...]) -> str:
    more = f" and {len(tasks) - TASKS_NAMED} more" if len(tasks) > TASKS_NAMED else ""
    return f" at {', '.join(tasks[:TASKS_NAMED])}{more}" if tasks else ""


def _say_how_to_go_on(obj: CliState, run: str, page: str) -> None:
    """Say what to do with a run that is not followed any more."""
    say(obj, "\nThe run goes on. To follow it again, to see where it is, or to stop it:")
    for words in (("logs", run, "--follow"), ("status", run), ("terminate", run)):
        say(obj, command_line(*words), indent=True)
    say(obj, "Its page:")
    say(obj, page, indent=True)
