"""What the tasks of a run print, from the logs of Windmill's jobs: whole lines, each with its task."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from metaflow_windmill.contract.pack import read_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.runs.watch import TaskEvent


@dataclass(frozen=True)
class LogLine:
    """A line of a job's log.

    Parameters
    ----------
    task : str
        As ``step/task``, or as its step where no more is known.
    attempt : int
    text : str
    own : bool
        Whether the task wrote it, and not Windmill or this project around the task.
    """

    task: str
    attempt: int
    text: str
    own: bool

    @property
    def again(self) -> str:
        """Words for an attempt that is not the first."""
        return f" (attempt {self.attempt + 1})" if self.attempt else ""


class Output:
    """Reads what is new in the logs of tasks; those that are over are forgotten.

    Parameters
    ----------
    windmill : Windmill
    emit : callable
        Takes each line.
    wanted : callable
        Tells of a task, as in `LogLine`, whether to read its log.
    most : int or None
        How many tasks that run are asked for at a time, in turn; those that end always are.
    """

    def __init__(
        self,
        windmill: Windmill,
        emit: Callable[[LogLine], None],
        wanted: Callable[[str], bool] = lambda _: True,
        most: int | None = None,
    ) -> None:
        self._windmill, self._emit, self._wanted, self._most = windmill, emit, wanted, most
        self.tasks = self.lines = 0
        self._packs: dict[str, _Log] = {}
        self._open: dict[str, _Log] = {}

    def go_on(self, events: Iterable[TaskEvent]) -> None:
        """Emit what each task logged since it was asked last; whole lines only, as long as it runs."""
        for event in events:
            self.take(event)
        self.rest()

    def take(self, event: TaskEvent) -> None:
        """Take in that a task began, or emit what is left of one that ended."""
        task = event.task
        if task.whole is not None:
            self.tasks += self._wanted(task.part) and not event.ended
            self._take_pack(task.whole, ended=event.ended)
        elif self._wanted(task.name):
            self.tasks += not event.ended
            log = self._open.setdefault(task.job.id, _Log(task.job.id, task.name, task.attempt))
            if event.ended:
                del self._open[log.job]
                self._read(log, final=True)

    def rest(self) -> None:
        """Emit what those logged that run."""
        for key in list(islice(self._open, self._most)):
            log = self._open[key] = self._open.pop(key)  # to the end: the others are next
            self._read(log, final=False)
        unread = [log for log in self._packs.values() if not log.read]
        run = [log for log in unread if not log.over]
        for log in [*run[: self._most], *(log for log in unread if log.over)]:
            self._read_pack(log)
        for log in [log for log in self._packs.values() if log.read]:
            log.read = False
            del self._packs[log.job]
            if not log.over:
                self._packs[log.job] = log

    def _take_pack(self, whole: Job, *, ended: bool) -> None:
        """Take in a job of several tasks; its log is read once, before the first of its tasks has ended."""
        log = self._packs.setdefault(whole.id, _Log(whole.id, whole.path.rpartition("/")[2], several=True))
        log.over = whole.state.final
        if ended and not log.read:
            self._read_pack(log)

    def _read_pack(self, log: _Log) -> None:
        log.read = True
        self._read(log, final=log.over)

    def _read(self, log: _Log, *, final: bool) -> None:
        new, log.offset = self._windmill.log_update(log.job, log.offset)
        lines = (log.part + new).split("\n")
        log.part = lines.pop()
        if final and log.part:
            lines.append(log.part)
        for text in lines:
            line = log.hear(text)
            if not log.several or self._wanted(line.task):
                self.lines += 1
                self._emit(line)


@dataclass
class _Log:
    """How far the log of a job was read, and who speaks in it: it says where a task begins and ends.

    `read` tells whether a log of several tasks was read at this look already.
    """

    job: str
    name: str
    attempt: int = 0
    several: bool = False
    offset: int = 0
    part: str = field(default="")
    speaks: bool = False
    heard: bool = False
    over: bool = False
    read: bool = False

    def hear(self, text: str) -> LogLine:
        """Return a line with whose it is."""
        mark = read_mark(text)
        if mark is None or (self.heard and not self.several and mark.task != self.name):
            return LogLine(self.name, self.attempt, text, self.speaks)
        self.name, self.heard, self.speaks = mark.task, True, mark.attempt is not None
        self.attempt = self.attempt if mark.attempt is None else mark.attempt
        return LogLine(self.name, self.attempt, text, own=False)
