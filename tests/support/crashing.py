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

    from metaflow_windmill.devserver.expressions.evaluator import Evaluator
    from metaflow_windmill.devserver.model import Outcome
    from metaflow_windmill.types import Json

MINE = "11111111-2222-4333-8444-555555555555"


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass(frozen=True)
class Death:
    """At which write a server dies, counted from 1, and whether that write is kept."""

    write: int
    kept: bool


def again_and_again(life: int) -> Death:
    """Die at the second to fourth write; the first succeeds, so that each life gets a little further."""
    return Death(2 + life // 2 % 3, kept=bool(life % 2))


class MortalDatabase(Database):
    """A database whose server dies at one of its writes, and then never writes again."""

    def __init__(self, path: Path, death: Death | None) -> None:
        super().__init__(path)
        self._death = death
        self.writes = 0
        self.dead = False

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        if self.dead:
            raise Crash
        self.writes += 1
        self.dead = self._death is not None and self.writes == self._death.write
        with super().write() as connection:
            yield connection
            if self.dead and self._death and not self._death.kept:
                raise Crash
        if self.dead:
            raise Crash


@dataclass
class Crashing:
    """A bench that is replaced by a new one on the same directory at each crash; its worker lives on."""

    directory: Path
    stack: ExitStack
    evaluator: Evaluator
    deaths: Callable[[int], Death | None] = again_and_again
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

    @property
    def writes(self) -> int:
        """How many writes the present life has seen."""
        assert isinstance(self.stand.database, MortalDatabase)
        return self.stand.database.writes

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
        database = MortalDatabase(self.directory / "windmill.db", self.deaths(self.crashes))
        self.stand = self.stack.enter_context(bench(self.directory, database, self.evaluator))
        self.stand.answers = self.answers
        self.stand.engine.recover()


@contextmanager
def crashing_bench(
    directory: Path, evaluator: Evaluator, deaths: Callable[[int], Death | None] = again_and_again
) -> Iterator[Crashing]:
    """Set up a server that dies in each of its lives as `deaths` says."""
    with ExitStack() as stack:
        yield Crashing(directory, stack, evaluator, deaths)
