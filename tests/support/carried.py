"""Carries compiled flows through the embedded server's engine, with a simulated worker for their tasks."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.simulated import Simulation, TaskFailed

from metaflow_windmill.contract.event import PUBLISH
from metaflow_windmill.devserver.catalog import workspaces
from metaflow_windmill.devserver.catalog.catalog import WorkspaceCatalog
from metaflow_windmill.devserver.catalog.credentials import JobTokens
from metaflow_windmill.devserver.catalog.vault import open_vault
from metaflow_windmill.devserver.engine.engine import Engine
from metaflow_windmill.devserver.expressions.quickjs import QuickJs
from metaflow_windmill.devserver.model import Actor, Outcome, RunnableFlow, Submission
from metaflow_windmill.devserver.store import job_rows
from metaflow_windmill.devserver.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from tests.support.graphs import Graph

    from metaflow_windmill.devserver.model import RunnableJob
    from metaflow_windmill.types import Json

WHO = Actor("tester", "tester@example.com", "admins")


@dataclass(frozen=True)
class Carried:
    """A run that came to its end.

    Parameters
    ----------
    outcome : str or None
        Of the flow's job: ``success`` or another.
    result : str or None
        Of the flow's job, as JSON text.
    simulation : Simulation
        What ran.
    together : list of list of str
        The tasks that ran at the same time, whenever one ended.
    """

    outcome: str | None
    result: str | None
    simulation: Simulation
    together: list[list[str]]


@dataclass(frozen=True)
class Bench:
    """An engine and what it stands on."""

    database: Database
    engine: Engine

    def carry(self, graph: Graph, value: Json, random: Random, at_once: int) -> Carried:
        """Run a compiled flow to its end.

        Parameters
        ----------
        graph : Graph
        value : JSON value
            The OpenFlow value that it compiles to.
        random : Random
            Says which of the running tasks ends next.
        at_once : int
            How many tasks run at a time.
        """
        simulation, together = Simulation(graph), list[list[str]]()
        flow = RunnableFlow(f"f/flows/{graph.name}", 1, value)
        job_id = self.engine.submit(Submission("flow", WHO, {}, path=flow.path, flow=flow))
        running: list[RunnableJob] = []
        while self._fill(running, at_once):
            together.append([simulation.name(job.args) for job in running if PUBLISH not in job.args["task"]])
            ending = running.pop(random.randrange(len(running)))
            self.engine.finish(ending.id, _outcome(simulation, ending))
        reading = self.database.read()
        job = job_rows.load(reading, job_id)
        outcome = job.outcome if job else None
        return Carried(outcome, job_rows.result_text(reading, job_id), simulation, together)

    def _fill(self, running: list[RunnableJob], at_once: int) -> bool:
        assert self.engine.settle(60)
        while len(running) < at_once and (job := self.engine.pull("simulated", ())) is not None:
            running.append(job)
        return bool(running)


def _outcome(simulation: Simulation, job: RunnableJob) -> Outcome:
    try:
        return Outcome(success=True, result=simulation.run(job.args))
    except TaskFailed as why:
        return Outcome(success=False, result={"error": {"name": "TaskFailed", "message": str(why)}})


@contextmanager
def bench(directory: Path) -> Iterator[Bench]:
    """Set up an engine without workers."""
    database, evaluator = Database(directory / "windmill.db"), QuickJs()
    with database.write() as connection:
        workspaces.ensure(connection, WHO.workspace, WHO.email)
    vault = open_vault(directory / "key")
    tokens = JobTokens(vault, lambda _: True)
    engine = Engine(
        database, WorkspaceCatalog(database, vault), tokens.issue, evaluator, base_url="http://nowhere"
    )
    try:
        yield Bench(database, engine)
    finally:
        engine.close()
        evaluator.close()
        database.close()
