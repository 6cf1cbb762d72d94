"""``logs``: what the tasks of a run print, from Windmill's own logs, not from Metaflow's datastore."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import deployed, run_argument
from metaflow_windmill.cli.flow.options import server_options
from metaflow_windmill.cli.flow.speech import flow_command, print_data, say
from metaflow_windmill.cli.flow.status import NAMED
from metaflow_windmill.deploy.watch import Watch, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.deploy.watch import Event, Task

LOOK_EVERY = 0.5


@flow_command(
    "Print what the tasks of a run log.",
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
    run_id: str,
    step: str | None,
    follow: bool,
) -> None:
    """Print the logs to stdout, each line behind its task."""
    found = deployed(obj, windmill_host, windmill_token, windmill_workspace)
    job = found.run(run_id)
    wanted = {
        module: name
        for module, name in steps_of(found.flow.value).items()
        if step is None or step.partition("/")[0] == name
    }
    # One task is known by its id only, so that of each task of its step is asked for.
    watch = Watch(found.server.windmill, job.id, wanted, sys.maxsize if step and "/" in step else NAMED)
    printer = Printer(found.server.windmill)
    while True:
        over = watch.run().state.final
        chosen = (event for event in watch.events() if step in (None, event.task.step, event.task.name))
        printer.go_on(chosen)
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
    """

    def __init__(self, windmill: Windmill) -> None:
        self._windmill = windmill
        self.tasks = 0
        self._open: dict[str, Task] = {}
        self._offsets: dict[str, int] = {}
        self._parts: dict[str, str] = {}

    def go_on(self, events: Iterable[Event]) -> None:
        """Print what each task logged since it was asked last; whole lines only, as long as it runs."""
        for event in events:
            if event.ended:
                self._print(event.task)
            else:
                self.tasks += 1
                self._open[event.task.job.id] = event.task
        for task in self._open.values():
            self._print(task)

    def _print(self, task: Task) -> None:
        key, final = task.job.id, task.job.state.final
        new, offset = self._windmill.log_update(key, self._offsets.pop(key, 0))
        text = self._parts.pop(key, "") + new
        lines = text.split("\n")
        last = lines.pop()
        if final:
            self._open.pop(key, None)
            lines += [last] if last else []
        else:
            self._offsets[key], self._parts[key] = offset, last
        again = f" (attempt {task.attempt + 1})" if task.attempt else ""
        for line in lines:
            print_data(f"[{task.name}{again}] {line}")
