"""Loops of many items and of many turns: what the engine holds and keeps does not grow with their number."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.engine_bench import WHO, Bench, flow, loop, repeat, step
from tests.support.engine_scale import measured

from metaflow_windmill.devserver.engine import apply, births
from metaflow_windmill.devserver.engine.plan import ChildJob, EventPlan
from metaflow_windmill.devserver.model import RunnableFlow, ScriptCode, Submission
from metaflow_windmill.devserver.store import clock, jobs, queue
from metaflow_windmill.devserver.store.flow_rows import FlowRun, ModuleRun
from metaflow_windmill.openflow import read_flow_value

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from metaflow_windmill.types import Json

FEW, MANY = 100, 300


def foreach() -> Json:
    """A foreach and its join, as the compiler writes them."""
    body = step("body", "task", inputs={"level_0": "flow_input.iter"})
    return flow(
        step("start", "split", inputs={"size": "flow_input.size"}),
        loop("loop", "results.start.foreach", body),
        step("join", inputs={"splits": "results.start.count"}),
    )


def recursion() -> Json:
    """A step that returns to itself, and the step after it."""
    turn = step("turn", "turn", inputs={"level_0": "flow_input.iter", "size": "flow_input.size"})
    turns = repeat("turns", "result.branch !== 'turn'", turn)
    last = {"branch": "results.turns.slice(-1)[0].branch"}
    return flow(step("start"), turns, step("join", inputs=last))


ANSWERS = {
    "split": lambda args: {"run_id": "run", "foreach": list(range(args["size"])), "count": args["size"]},
    "task": lambda args: {"run_id": "run", "step": "body", "task": f"t-{args['level_0']['index']}"},
    "turn": lambda args: {
        "run_id": "run",
        "task": f"t.{args['level_0']['index']}",
        "branch": "turn" if args["level_0"]["index"] + 1 < args["size"] else "join",
    },
}


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds of computing and stored bytes an item, and the most bytes it had in memory."""

    seconds: float
    stored: float
    peak: int


def run(stand: Bench, value: Json, size: int) -> tuple[str, Cost]:
    """Run a flow of one size and measure it."""
    gc.collect()
    tracemalloc.start()
    start = time.process_time()
    job_id = stand.submit(value, {"size": size})
    stand.work()
    seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert jobs.get_job(stand.database, "admins", job_id)["success"]
    return job_id, Cost(seconds / size, stored(stand, job_id) / size, peak)


def stored(stand: Bench, job_id: str) -> int:
    """Return the bytes of all arguments and results of a run, but of its start, which names the splits."""
    told = "SELECT sum(length(value)) FROM job_{0} JOIN job ON job = id WHERE root = ? AND step_id != 'start'"
    rows = [stand.database.read().execute(told.format(of), (job_id,)) for of in ("args", "result")]
    return sum(row.fetchone()[0] for row in rows)


def least(stand: Bench, value: Json, size: int) -> tuple[str, Cost]:
    """Measure three runs; return the last one's id and the least of each figure: what else runs only adds."""
    ran = [run(stand, value, size) for _ in range(3)]
    costs = [cost for _, cost in ran]
    seconds, peak = min(cost.seconds for cost in costs), min(cost.peak for cost in costs)
    return ran[-1][0], Cost(seconds, costs[-1].stored, peak)


@pytest.fixture
def keeps_nothing(stand: Bench) -> Bench:
    """The bench, which keeps nothing of the jobs that it ran."""
    stand.answers |= ANSWERS
    kept: Any = deque(maxlen=1)
    stand.ran = stand.tokens.issued = kept
    return stand


@pytest.mark.parametrize(
    ("value", "bytes_an_item"), [(foreach(), 300), (recursion(), 1500)], ids=["foreach", "recursion"]
)
def test_nothing_grows_with_the_number_of_items(
    keeps_nothing: Bench, value: Json, bytes_an_item: int
) -> None:
    """Per item there are its number in a list and, where an expression reads a loop's results, its result."""
    run(keeps_nothing, value, 3)
    _, few = least(keeps_nothing, value, FEW)
    job_id, many = least(keeps_nothing, value, MANY)
    assert (many.peak - few.peak) / (MANY - FEW) < bytes_an_item
    assert many.stored < 1.1 * few.stored
    assert many.seconds < 2.5 * few.seconds
    join = jobs.list_jobs(keeps_nothing.database, "admins", jobs.JobFilters(parent=job_id))[0]
    assert jobs.args(keeps_nothing.database, join["id"]) in ({"splits": MANY}, {"branch": "join"})


@pytest.mark.parametrize("whole", [False, True])
def test_a_foreach_of_chunks_ends_as_one_loop_does(*, whole: bool) -> None:
    """`scripts/scale engine` measures it with thousands."""
    assert measured(50, whole=whole)["memory, MB"] > 0


def test_what_is_due_is_found_however_many_jobs_wait_for_a_worker(stand: Bench) -> None:
    """Each end of a job may ask for it: an index of both kinds would be gone through whole."""

    def instructions(size: int) -> list[int]:
        stand.engine.submit(waiting_loop(size))
        stand.settle()
        questions = (queue.is_waiting, queue.engine_due, queue.next_due)
        return [counted(stand, question) for question in questions]

    few = instructions(20)
    assert instructions(400) == few


def waiting_loop(size: int) -> Submission:
    """A loop over so many items, all of which wait for a worker."""
    items = f"Array.from({{length: {size}}}, (_, at) => at)"
    value = flow(loop("loop", items, step("a")))
    return Submission("flow", WHO, {}, "f/x", flow=RunnableFlow("f/x", 1, value))


def counted(stand: Bench, question: Callable[[sqlite3.Connection, int], object]) -> int:
    """Return how many instructions of SQLite's machine a question takes."""
    connection, seen = stand.database.read(), []
    connection.set_progress_handler(lambda: seen.append(1), 1)
    question(connection, clock.now())
    connection.set_progress_handler(None, 0)
    return len(seen)


def test_what_begins_at_once_is_not_looked_for_by_the_clock(stand: Bench) -> None:
    """The clock's thread would ask at each birth what is due, and go through all that waits."""
    with stand.database.write() as connection:
        job = births.submit(connection, waiting_loop(3), read_flow_value(flow(step("a"))))
        child = ChildJob("flowscript", {}, code=ScriptCode("echo"))
        plan = EventPlan(FlowRun(), {0: ModuleRun(id="a")}, children=(child,))
        assert not apply.write(connection, job, plan).later
        plan.scheduled_for = clock.now() + 10_000_000
        assert apply.write(connection, job, plan).later
