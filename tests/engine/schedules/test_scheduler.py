"""The scheduler over a real database and catalog; only the clock and the taking of jobs are the test's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.server import wait_until

from metaflow_windmill.devserver.catalog import flows, folders, schedules, scripts
from metaflow_windmill.devserver.catalog.catalog import WorkspaceCatalog
from metaflow_windmill.devserver.catalog.vault import open_vault
from metaflow_windmill.devserver.engine.alarm import LONGEST_NAP
from metaflow_windmill.devserver.model import Actor
from metaflow_windmill.devserver.schedules.scheduler import Scheduler
from metaflow_windmill.devserver.store.clock import from_datetime, now
from metaflow_windmill.devserver.store.database import Database
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from metaflow_windmill.devserver.model import Submission

WHO = Actor("admin", "admin@windmill.dev", "admins")
HOUR = 3600 * 1_000_000


@dataclass
class Bench:
    """A scheduler, what it has started, and the time it believes in."""

    database: Database
    started: list[Submission] = field(default_factory=list)
    live: set[str] = field(default_factory=set)
    time: int = 0
    refuses: bool = False

    def __post_init__(self) -> None:
        catalog = WorkspaceCatalog(self.database, open_vault(self.database.path.with_name("key")))
        self.scheduler = Scheduler(
            self.database, catalog, self.submit, is_live=self.live.__contains__, clock=lambda: self.time
        )

    def submit(self, submission: Submission) -> str:
        if self.refuses:
            raise ServerError("The queue is full.")
        self.started.append(submission)
        return submission.job_id or ""

    def add(self, **options: Any) -> None:
        asked = {
            "path": "f/a/hourly",
            "schedule": "0 0 * * * *",
            "timezone": "Etc/UTC",
            "script_path": "f/a/flow",
            "is_flow": True,
            "args": {"n": 1},
        }
        with self.database.write() as connection:
            schedules.create(connection, WHO, {**asked, **options})
        self.time = self.next_tick()

    def next_tick(self) -> int:
        found = schedules.next_tick(self.database.read())
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    database = Database(tmp_path / "windmill.db")
    with database.write() as connection:
        folders.create(connection, WHO, {"name": "a"})
        flows.create(
            connection, WHO, {"path": "f/a/flow", "summary": "", "value": {"modules": []}, "labels": ["x"]}
        )
        script = {"path": "f/a/script", "content": "def main(): pass", "language": "python3"}
        scripts.create(connection, WHO, script)
    yield Bench(database)
    database.close()


def test_a_due_schedule_starts_one_run_for_its_creator(bench: Bench) -> None:
    bench.add()
    tick = bench.time
    bench.scheduler.run_due()
    (started,) = bench.started
    assert (started.kind, started.path, started.args) == ("flow", "f/a/flow", {"n": 1})
    assert (started.created_by, started.schedule_path) == ("schedule-f/a/hourly", "f/a/hourly")
    assert started.who == WHO
    assert started.labels == ("x",)
    assert started.scheduled_for is not None
    assert from_datetime(started.scheduled_for) == tick
    assert bench.next_tick() == tick + HOUR


def test_nothing_starts_before_it_is_due(bench: Bench) -> None:
    bench.add()
    bench.time -= 1
    bench.scheduler.run_due()
    assert bench.started == []
    assert bench.scheduler.seconds_to_next() < 1


def test_ticks_that_were_missed_start_one_run(bench: Bench) -> None:
    bench.add()
    bench.time += 10 * HOUR + 5
    bench.scheduler.run_due()
    bench.scheduler.run_due()
    assert len(bench.started) == 1
    assert bench.next_tick() > bench.time


def test_a_tick_that_is_met_twice_asks_for_the_same_job(bench: Bench) -> None:
    bench.add()
    tick = bench.time
    bench.scheduler.run_due()
    with bench.database.write() as connection:  # as if the server had died before it moved on
        connection.execute("UPDATE schedule SET next_tick = ?", (tick,))
    bench.scheduler.run_due()
    assert len({started.job_id for started in bench.started}) == 1


def test_a_run_that_would_overlap_is_recorded_as_skipped(bench: Bench) -> None:
    bench.add(no_flow_overlap=True)
    bench.scheduler.run_due()
    bench.live.add(bench.started[0].job_id or "")
    bench.time = bench.next_tick()
    bench.scheduler.run_due()
    values = [started.flow.value for started in bench.started if started.flow]
    assert [value.get("skip_expr") for value in values] == [None, "true"]


def test_flows_may_overlap_unless_told(bench: Bench) -> None:
    bench.add()
    bench.scheduler.run_due()
    bench.live.add(bench.started[0].job_id or "")
    bench.time = bench.next_tick()
    bench.scheduler.run_due()
    assert [started.flow.value.get("skip_expr") for started in bench.started if started.flow] == [None, None]


def test_a_script_never_overlaps_itself(bench: Bench) -> None:
    bench.add(script_path="f/a/script", is_flow=False)
    bench.scheduler.run_due()
    bench.live.add(bench.started[0].job_id or "")
    bench.time = bench.next_tick()
    bench.scheduler.run_due()
    assert len(bench.started) == 1
    bench.live.clear()
    bench.time = bench.next_tick()
    bench.scheduler.run_due()
    assert len(bench.started) == 2


def test_a_schedule_that_cannot_start_moves_on(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.add()
    bench.refuses = True
    tick = bench.time
    bench.scheduler.run_due()
    assert bench.next_tick() == tick + HOUR
    assert "f/a/hourly did not start f/a/flow: The queue is full." in caplog.text


def test_a_schedule_whose_flow_is_gone_says_so(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.add()
    with bench.database.write() as connection:
        flows.delete(connection, "admins", "f/a/flow")
    bench.scheduler.run_due()
    assert bench.started == []
    assert "there is nothing to run at f/a/flow" in caplog.text


def test_a_schedule_that_is_off_is_never_due(bench: Bench) -> None:
    bench.add()
    with bench.database.write() as connection:
        schedules.set_enabled(connection, "admins", "f/a/hourly", enabled=False)
    bench.time += 10 * HOUR
    bench.scheduler.run_due()
    assert bench.started == []
    assert bench.scheduler.seconds_to_next() == LONGEST_NAP


def test_a_paused_schedule_waits_for_its_day(bench: Bench) -> None:
    bench.add(paused_until="2040-01-01T00:30:00Z")
    assert bench.time == from_datetime(datetime(2040, 1, 1, 1, tzinfo=timezone.utc))


def test_the_thread_starts_what_a_change_made_due(bench: Bench) -> None:
    bench.time = now()
    bench.scheduler.start()
    try:
        bench.add()
        bench.scheduler.wake()
        wait_until(lambda: bench.started, 10, "the scheduler did not wake up")
    finally:
        bench.scheduler.stop()
    assert [started.path for started in bench.started] == ["f/a/flow"]
