"""``logs``: what the tasks of a run print, from Windmill's own logs, not from Metaflow's datastore."""

from __future__ import annotations

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
    from metaflow_windmill.deploy.watch import Task

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
    watch = Watch(found.server.windmill, job.id, steps_of(found.flow.value), NAMED)
    printer = Printer(found.server.windmill)
    while True:
        over = watch.look().run.state.final
        chosen = [task for task in watch.tasks if step in (None, task.step, task.name)]
        printer.go_on(chosen)
        if over or not follow:
            break
        time.sleep(LOOK_EVERY)
    if not chosen:
        say(obj, "No task has begun yet." if step is None else f"No task of {step} has begun.")


class Printer:
    """Prints what is new in the logs of tasks."""

    def __init__(self, windmill: Windmill) -> None:
        self._windmill = windmill
        self._offsets: dict[str, int] = {}
        self._over: set[str] = set()
        self._parts: dict[str, str] = {}

    def go_on(self, tasks: Iterable[Task]) -> None:
        """Print what each task logged since it was asked last; whole lines only, as long as it runs."""
        for task in tasks:
            if task.job.id not in self._over:
                self._print(task)

    def _print(self, task: Task) -> None:
        key, final = task.job.id, task.job.state.final
        new, self._offsets[key] = self._windmill.log_update(key, self._offsets.get(key, 0))
        text = self._parts.pop(key, "") + new
        lines = text.split("\n")
        last = lines.pop()
        if final:
            self._over.add(key)
            lines += [last] if last else []
        else:
            self._parts[key] = last
        again = f" (attempt {task.attempt + 1})" if task.attempt else ""
        for line in lines:
            print_data(f"[{task.name}{again}] {line}")
