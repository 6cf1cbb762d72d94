"""``logs``: what the tasks of a run print, from Windmill's own logs, not from Metaflow's datastore."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import deployed, run_argument
from metaflow_windmill.cli.flow.options import server_options
from metaflow_windmill.cli.flow.speech import flow_command, print_data, say
from metaflow_windmill.cli.flow.status import NAMED
from metaflow_windmill.contract.pack import read_mark
from metaflow_windmill.deploy.watch import Watch, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.deploy.watch import Event, Task

LOOK_EVERY = 0.5


@flow_command(
    "Print what the tasks of a run log; the last run if none is named.",
    server_options,
    run_argument,
    click.option("--step", default=None, help="Only this step, or this task as step/task."),
    click.option("--follow", is_flag=True, default=False, help="Go on until the run is over."),
)
def command(
    obj: Any,  # noqa: ANN401
    *,
    windmill_host: str | None,
    windmill_token: str | None,
    windmill_workspace: str | None,
    run_id: str | None,
    step: str | None,
    follow: bool,
) -> None:
    """Print the logs to stdout, each line behind its task."""
    found = deployed(obj, windmill_host, windmill_token, windmill_workspace)
    job = found.run(run_id)
    wanted = {
        module: runs
        for module, runs in steps_of(found.flow.value).items()
        if step is None or step.partition("/")[0] in runs.steps
    }
    # One task is known by its id only, so that of each task of its step is asked for.
    watch = Watch(found.server.windmill, job.id, wanted, sys.maxsize if step and "/" in step else NAMED)
    printer = Printer(found.server.windmill, lambda name: step in (None, name, name.partition("/")[0]))
    while True:
        over = watch.run().state.final
        printer.go_on(watch.events())
        if over or not follow:
            break
        time.sleep(LOOK_EVERY)
    if not printer.tasks:
        say(obj, "No task has begun yet." if step is None else f"No task of {step} has begun.")


class Printer:
    """Prints what is new in the logs of tasks; those that are over are forgotten.

    Parameters
    ----------
    windmill : Windmill
    wanted : callable
        Tells of a task, as ``step/task`` or as its step where no more is known, whether to print its log.
    """

    def __init__(self, windmill: Windmill, wanted: Callable[[str], bool] = lambda _: True) -> None:
        self._windmill, self._wanted = windmill, wanted
        self.tasks = 0
        self._packs: dict[str, Speaker] = {}
        self._open: dict[str, Task] = {}
        self._offsets: dict[str, int] = {}
        self._parts: dict[str, str] = {}

    def go_on(self, events: Iterable[Event]) -> None:
        """Print what each task logged since it was asked last; whole lines only, as long as it runs."""
        packs: dict[str, Job] = {}
        for event in events:
            task = event.task
            if task.whole is not None:
                packs[task.whole.id] = task.whole
                self.tasks += self._wanted(task.part) and not event.ended
            elif not self._wanted(task.name):
                continue
            elif event.ended:
                self._print(task)
            else:
                self.tasks += 1
                self._open[task.job.id] = task
        for task in self._open.values():
            self._print(task)
        self._print_packs(packs)

    def _print_packs(self, told: Mapping[str, Job]) -> None:
        """Print what jobs of several tasks logged, each line behind the task that it is of."""
        for key, whole in told.items():
            self._packs.setdefault(key, Speaker(whole.path.rpartition("/")[2]))
        for key, speaker in list(self._packs.items()):
            final = key in told and told[key].state.final
            for line in self._lines(key, final=final):
                name, again = speaker.hear(line)
                if self._wanted(name):
                    print_data(f"[{name}{again}] {line}")
            if final:
                del self._packs[key]

    def _print(self, task: Task) -> None:
        key, final = task.job.id, task.job.state.final
        lines = self._lines(key, final=final)
        if final:
            self._open.pop(key, None)
        again = f" (attempt {task.attempt + 1})" if task.attempt else ""
        for line in lines:
            print_data(f"[{task.name}{again}] {line}")

    def _lines(self, key: str, *, final: bool) -> list[str]:
        """Return the lines of a job that are new; the last one only if it is whole, or the job is over."""
        new, offset = self._windmill.log_update(key, self._offsets.pop(key, 0))
        text = self._parts.pop(key, "") + new
        lines = text.split("\n")
        last = lines.pop()
        if final:
            return [*lines, last] if last else lines
        self._offsets[key], self._parts[key] = offset, last
        return lines


@dataclass
class Speaker:
    """Which task of a job of several speaks: the log says when one begins."""

    name: str
    again: str = ""

    def hear(self, line: str) -> tuple[str, str]:
        """Return whose line this is, and which attempt's."""
        mark = read_mark(line)
        if mark is not None:
            self.name = mark.task
        if mark is not None and mark.attempt is not None:
            self.again = f" (attempt {mark.attempt + 1})" if mark.attempt else ""
        return self.name, self.again
