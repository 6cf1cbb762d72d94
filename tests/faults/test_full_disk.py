"""A disk that is full: new work is refused in a sentence, and what was begun waits for space."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.support.engine_bench import Bench, bench, flow, step

from metaflow_windmill.devserver.model import Outcome
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = "x" * 200_000


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made
        free(made)


def fill(stand: Bench) -> None:
    """Let the database not grow any more."""
    with stand.database.write() as connection:
        used = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={used}")


def free(stand: Bench) -> None:
    """Let it grow again."""
    with stand.database.write() as connection:
        connection.execute("PRAGMA max_page_count=10000000")


def test_a_run_that_cannot_be_stored_is_refused(stand: Bench) -> None:
    fill(stand)
    with pytest.raises(ServerError, match="Free some space"):
        stand.submit(flow(step("a")), {"large": LARGE})
    free(stand)
    assert stand.run(flow(step("a"))).outcome == "success"


def test_a_result_waits_until_there_is_space(stand: Bench) -> None:
    job_id = stand.submit(flow(step("a"), step("b", inputs={"n": "results.a.length"})))
    stand.settle()
    job = stand.engine.pull("w", ())
    assert job is not None
    fill(stand)
    report = threading.Thread(target=stand.engine.finish, args=[job.id, Outcome(success=True, result=LARGE)])
    report.start()
    report.join(0.5)
    assert report.is_alive()
    assert stand.seen(job_id).children[0].outcome == "running"
    free(stand)
    report.join(60)
    assert not report.is_alive()
    stand.work()
    assert stand.seen(job_id).result == {"n": 200_000}
