"""A soak from its first deployment to its last account."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.deployed import Target
from tests.support.oracle import ROOT, Home
from tests.support.server import Server
from tests.support.soak.accounts import accounts
from tests.support.soak.doing import EVERY, MIXED, TOLD, Doing
from tests.support.soak.killing import PAUSE, House
from tests.support.soak.told import Found, Ran, Task, Ticks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.soak.accounts import Account

ALWAYS = ("SoakResumed", *TOLD)
ALL = (*MIXED, *ALWAYS)
DRAINED_WITHIN = 600.0
"""Seconds in which all that was begun has to be over once nothing is killed any more."""


@dataclass(frozen=True)
class Plan:
    """How long, by which seed, how many runs at a time, seconds between kills, and which of the mix."""

    seconds: float
    seed: int
    at_once: int = 4
    pause: tuple[float, float] = PAUSE
    flows: tuple[str, ...] = MIXED


@dataclass(frozen=True)
class Result:
    """What was done, and how it balances."""

    counts: Mapping[str, int]
    accounts: list[Account]


def soak(
    plan: Plan,
    root: Path,
    server: str | None = None,
    token: str | None = None,
    workspace: str | None = None,
) -> Result:
    """Do everything for the plan's time, and account for it; `server` names a Windmill that is not killed."""
    home = Home(root / "home")
    home.root.mkdir()
    if server is None:
        house = House(root, plan.seed, plan.pause)
        try:
            return _soak(plan, home, Target(house.server.url, house.server.token), house)
        finally:
            house.end()
    with _workspace(server, str(token), workspace) as target:
        return _soak(plan, home, target, None)


def _soak(plan: Plan, home: Home, target: Target, house: House | None) -> Result:
    doing = Doing(home, target, plan.seed, plan.flows)
    for flow in (*plan.flows, *ALWAYS):
        doing.deploy(flow)
    on = time.time()
    doing.schedule()
    if house:
        house.start_killing()
    _until(plan, doing)
    off = time.time()
    doing.unschedule()
    if house:
        house.stop_killing()
        if house.fault:
            raise house.fault
    waiting = _drained(target)
    away = tuple(house.away) if house else ()
    kills = {f"{what}s killed": count for what, count in house.kills.items()} if house else {}
    found = Found(_runs(target), _tasks(home, target), waiting)
    return Result({**doing.asks.counts, **kills}, accounts(doing.asks, found, Ticks(on, off, EVERY, away)))


def _until(plan: Plan, doing: Doing) -> None:
    """Do one thing after the other until the time is over, with so many runs at a time."""
    end = time.monotonic() + plan.seconds
    while time.monotonic() < end:
        if doing.live() < plan.at_once:
            doing.one()
        else:
            time.sleep(0.2)


def _drained(target: Target) -> tuple[str, ...]:
    """Wait until no job is left; return those that are there in the end."""
    deadline = time.monotonic() + DRAINED_WITHIN
    while left := [job for job in target.client.list_queued_jobs() if job.path.startswith("f/flows/Soak")]:
        if time.monotonic() > deadline:
            return tuple(f"{job.path} {job.id} is {job.state.value}" for job in left)
        time.sleep(0.5)
    return ()


def _runs(target: Target) -> tuple[Ran, ...]:
    jobs = [(flow, job) for flow in ALL for job in target.client.list_runs(f"f/flows/{flow}")]
    return tuple(_ran(target, flow, job.id) for flow, job in jobs)


def _ran(target: Target, flow: str, job_id: str) -> Ran:
    job = target.client.get_job(job_id)
    result = "" if job.state.value == "SUCCEEDED" else json.dumps(job.result)
    began = job.started_at.timestamp() if job.started_at else 0.0
    return Ran(flow, f"windmill-{job_id}", job.state.value, result, began)


def _tasks(home: Home, target: Target) -> tuple[Task, ...]:
    done = home.python(ROOT / "tests/support/soak/read_tasks.py", *ALL, timeout=1800)
    assert done.returncode == 0, done.stderr
    return tuple(_task(target, told) for told in json.loads(done.stdout))


def _task(target: Target, told: dict[str, Any]) -> Task:
    log = target.client.job_logs(told.pop("job")) if told.get("job") else ""
    logged: dict[str, int] = {}
    for line in log.splitlines():
        _, marked, rest = line.partition("soak ")
        if marked:
            logged[marked + rest] = logged.get(marked + rest, 0) + 1
    told.pop("job", None)
    return Task(**told, logged=logged)


@contextmanager
def _workspace(url: str, token: str, name: str | None) -> Iterator[Target]:
    """Give the workspace that was named, or one that is made and removed."""
    if name:
        yield Target(url, token, name)
        return
    there = Server(url, token, f"metaflow-soak-{uuid.uuid4().hex[:12]}")
    there.post("/api/workspaces/create", {"id": there.workspace, "name": there.workspace})
    try:
        yield Target(there.url, there.token, there.workspace)
    finally:
        there.post("/workspaces/archive")
        there.ask("DELETE", f"/api/workspaces/delete/{there.workspace}").raise_for_status()
