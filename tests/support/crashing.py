"""A server that dies again and again, at its writes: now before one is kept, now after."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.engine_bench import SETTLES_WITHIN, WORKSPACE, Bench, bench

from metaflow_windmill.devserver.store import jobs
from metaflow_windmill.devserver.store.database import Database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from metaflow_windmill.devserver.model import Outcome
    from metaflow_windmill.types import Json

MINE = "11111111-2222-4333-8444-555555555555"


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


class MortalDatabase(Database):
    """A database whose server dies at its second, third or fourth write, and then never writes again.

    The first write always succeeds, so that each life gets a little further than the one before.
    """

    def __init__(self, path: Path, life: int) -> None:
        super().__init__(path)
        self._after_commit = bool(life % 2)
        self._last = 2 + life // 2 % 3
        self._writes = 0
        self.dead = False

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        if self.dead:
            raise Crash
        self._writes += 1
        dies = self._writes == self._last
        with super().write() as connection:
            yield connection
            if dies and not self._after_commit:
                self.dead = True
                raise Crash
        if dies:
            self.dead = True
            raise Crash


@dataclass
class Crashing:
    """A bench that is replaced by a new one on the same directory at each crash; its worker lives on."""

    directory: Path
    stack: ExitStack
    answers: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    crashes: int = 0
    stand: Bench = field(init=False)

    def __post_init__(self) -> None:
        self._start()

    def run_to_the_end(self, value: Json, **said: Any) -> str:
        """Run a flow through as many lives as it takes."""
        while self._row() is None:
            self._live(lambda: self.stand.submit(value, job_id=MINE, **said))
        while self._row()["type"] != "CompletedJob":
            self._live(self._work)
        return MINE

    def _row(self) -> Json:
        return jobs.get_job(self.stand.database, WORKSPACE, MINE)

    def _live(self, act: Callable[[], object]) -> None:
        """Do something; where the server dies of it, go on with the next."""
        with suppress(Crash):
            act()
        self.stand.engine.settle(SETTLES_WITHIN)
        database = self.stand.database
        assert isinstance(database, MortalDatabase)
        if database.dead:
            self.crashes += 1
            self._start()

    def _work(self) -> None:
        """Report what the worker has done meanwhile, put back what it never got, then do the rest."""
        engine = self.stand.engine
        for job_id in engine.running():
            if job_id in self.outcomes:
                engine.finish(job_id, self.outcomes[job_id])
            else:
                engine.requeue(job_id)
        while True:
            engine.settle(SETTLES_WITHIN)
            job = engine.pull("survivor", ())
            if job is None:
                return
            self.outcomes[job.id] = self.stand.outcome(job)
            engine.finish(job.id, self.outcomes[job.id])

    def _start(self) -> None:
        self.stack.close()
        self.directory.mkdir(parents=True, exist_ok=True)
        database = MortalDatabase(self.directory / "windmill.db", self.crashes)
        self.stand = self.stack.enter_context(bench(self.directory, database))
        self.stand.answers = self.answers
        self.stand.engine.recover()


@contextmanager
def crashing_bench(directory: Path) -> Iterator[Crashing]:
    """Set up a server that dies."""
    with ExitStack() as stack:
        yield Crashing(directory, stack)
