"""The accounts of a soak: what balances, and each way in which they do not is found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from tests.support.soak.accounts import accounts, table
from tests.support.soak.told import Asked, Asks, Found, Ran, Task, Ticks

ON = Ticks(100.0, 125.0, 10.0)
LINEAR = ("start", "middle", "end")


def task(run: str, step: str, flow: str = "SoakLinear", **artifacts: object) -> Task:
    lines = {f"soak {flow}/{run}/{step}/t 0 {number}": 1 for number in range(5)}
    return Task(flow, run, step, "t", True, 0, False, {"version": 1, **artifacts}, lines, lines)


def heard(run: str, *events: str) -> Task:
    return task(run, "only", "SoakHeard" if len(events) == 1 else "SoakPair", events=list(events))


ASKS = Asks(
    [Asked("SoakLinear", "r", 3), Asked("SoakLinear", "gone", 3, "ANY")],
    {"soak-one": ["o0"], "soak-left": ["l0", "l1"], "soak-right": ["r0"]},
)
TICKS = [task(f"t{at}", "only", "SoakTicks", due=float(at)) for at in (110, 120)]
TASKS = (
    *(task("r", step, total=5) for step in LINEAR),
    *TICKS,
    heard("h", "o0"),
    heard("p", "l0", "r0"),
)
RUNS = (
    Ran("SoakLinear", "r", "SUCCEEDED"),
    Ran("SoakLinear", "gone", "CANCELED"),
    *(Ran("SoakTicks", item.run, "SUCCEEDED", began=float(item.artifacts["due"])) for item in TICKS),
    Ran("SoakHeard", "h", "SUCCEEDED"),
    Ran("SoakPair", "p", "SUCCEEDED"),
)
FOUND = Found(RUNS, TASKS)


def wrong(found: Found, ticks: Ticks = ON, asks: Asks = ASKS) -> dict[str, int]:
    return {item.name: len(item.wrong) for item in accounts(asks, found, ticks) if item.wrong}


def test_what_is_right_balances() -> None:
    balanced = accounts(ASKS, FOUND, ON)
    assert "WRONG" not in table(balanced), table(balanced)
    explained = sum((item.explained for item in balanced), Counter())
    assert explained == {"terminated: canceled": 1, "wait for another": 1}


def without(run: str, step: str | None = None) -> Found:
    return replace(
        FOUND, tasks=tuple(item for item in TASKS if item.run != run or (step and item.step != step))
    )


def without_run(run: str) -> Found:
    return replace(without(run), runs=tuple(item for item in RUNS if item.run != run))


def changed(run: str, **more: object) -> Found:
    return replace(FOUND, tasks=tuple(replace(item, **more) if item.run == run else item for item in TASKS))  # type: ignore[arg-type]


def ended(run: str, state: str) -> Found:
    return replace(
        FOUND, runs=tuple(replace(item, state=state) if item.run == run else item for item in RUNS)
    )


@pytest.mark.parametrize(
    ("found", "name"),
    [
        pytest.param(replace(FOUND, runs=RUNS[1:]), "runs", id="a run is lost"),
        pytest.param(replace(FOUND, runs=(*RUNS, RUNS[0])), "runs", id="a run is there twice"),
        pytest.param(replace(FOUND, runs=(*RUNS, Ran("SoakLinear", "x", "SUCCEEDED"))), "runs", id="unasked"),
        pytest.param(ended("r", "FAILED"), "runs", id="it should have succeeded"),
        pytest.param(ended("gone", "RUNNING"), "runs", id="it never ended"),
        pytest.param(without("r", "middle"), "tasks", id="a task is lost"),
        pytest.param(replace(FOUND, tasks=(*TASKS, TASKS[0])), "tasks", id="a task is there twice"),
        pytest.param(changed("r", artifacts={"version": 1, "total": 6}), "artifacts", id="a wrong value"),
        pytest.param(changed("r", artifacts={"version": 2, "total": 5}), "artifacts", id="another version"),
        pytest.param(changed("r", lines={}), "log lines in Metaflow", id="no lines"),
        pytest.param(
            changed("r", logged={line: 2 for item in TASKS[:3] for line in item.logged}),
            "log lines in jobs",
            id="each line twice",
        ),
        pytest.param(
            changed("h", artifacts={"version": 1, "events": ["o7"]}), "events, alone", id="unpublished"
        ),
        pytest.param(
            changed("p", artifacts={"version": 1, "events": ["l1", "r0"]}),
            "events, in pairs",
            id="out of turn",
        ),
        pytest.param(without("t110"), "schedule ticks", id="a tick is lost"),
        pytest.param(replace(FOUND, waiting=("a job",)), "jobs left over", id="a job hangs"),
    ],
)
def test_what_is_wrong_is_found(found: Found, name: str) -> None:
    assert name in wrong(found)


def test_an_event_that_started_two_runs_is_found() -> None:
    twice = replace(
        FOUND, runs=(*RUNS, Ran("SoakHeard", "h2", "SUCCEEDED")), tasks=(*TASKS, heard("h2", "o0"))
    )
    assert wrong(twice) == {"events, alone": 2}


def test_a_tick_while_the_server_was_away_is_explained() -> None:
    away = replace(ON, away=((108.0, 112.0),))
    assert wrong(without_run("t110"), away) == {}
    assert wrong(without_run("t120"), away) == {"schedule ticks": 1}


def test_a_run_whose_workers_were_killed_too_often_is_explained() -> None:
    lost = Ran("SoakLinear", "r", "FAILED", "The worker of this job died 4 times, so ...")
    found = Found((lost, *RUNS[1:]), TASKS[3:])
    assert wrong(found) == {}
