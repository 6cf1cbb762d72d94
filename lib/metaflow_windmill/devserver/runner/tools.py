"""Programs that prepare a job: they are killed with it, and their words go to its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from metaflow_windmill.devserver.runner.process import End, JobProcess

HINT = (
    "What this job requires could not be installed; the reason is above. Correct the requirements if they "
    "are wrong. If this machine reaches no package index, start the server with --shared-environment: jobs "
    "then see the server's own packages."
)


class Unprepared(ServerError):
    """A program that prepares a job did not end well."""

    def __init__(self, end: End) -> None:
        super().__init__(HINT)
        self.end = end


class JobTools:
    """Implements `metaflow_windmill.devserver.runner.requirement_cache.Tools` for one job.

    Parameters
    ----------
    start : callable
        Starts a program as a process of the job.
    log : Path
        Of the job.
    """

    def __init__(self, start: Callable[[list[str]], JobProcess], log: Path) -> None:
        self._start, self._log = start, log

    def run(self, *command: str) -> None:
        """Run a program to its good end.

        Raises
        ------
        Unprepared
            If it ends otherwise, or is killed with the job.
        """
        end = self._start(list(command)).wait()
        if end.killed is None and end.code:
            self.say(HINT)
        if end.killed is not None or end.code:
            raise Unprepared(end)

    def say(self, text: str) -> None:
        """Write a line into the job's log."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
