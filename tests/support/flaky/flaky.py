"""So many runs over a bad way, and an account of all that came of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tests.support.flaky.doing import CONFIGURATION, FOLDER, FromGit, Once, Patient
from tests.support.flaky.proxy import flaky_way
from tests.support.git_repository import new_repository
from tests.support.oracle import Home
from tests.support.server import Server, end_server, start_server
from tests.support.soak.accounts import Account, accounts
from tests.support.soak.doing import EVERY, MIXED, TOLD
from tests.support.soak.soak import _drained, _runs, _tasks, _workspace
from tests.support.soak.told import Found, Ticks

from metaflow_windmill.workspace.installing import Installer
from metaflow_windmill.workspace.shipped import shipment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.deployed import Target
    from tests.support.flaky.proxy import Way

FLOWS = (*MIXED, "SoakResumed", *TOLD)


@dataclass(frozen=True)
class Plan:
    """How many runs, the share of requests that go wrong, by which seed, how many runs at a time, and how
    many are deployed from git; after so many minutes nothing more is begun.
    """

    runs: int
    rate: float
    seed: int
    at_once: int = 4
    from_git: int = 4
    minutes: float = 600.0


@dataclass(frozen=True)
class Result:
    """What was done, what went wrong on the way, and how it balances."""

    counts: Mapping[str, int]
    requests: int
    faults: Mapping[str, int]
    accounts: list[Account]


def flaky(plan: Plan, root: Path, server: str | None = None, token: str | None = None) -> Result:
    """Do everything over a bad way; `server` names a Windmill whose own jobs ask it directly."""
    home = Home(root / "home")
    home.root.mkdir()
    with flaky_way(0, plan.seed) as way, _good(root, way, server, token) as good:
        way.to = good.host
        return _done(plan, home, way, good, with_git=server is None)


@contextmanager
def _good(root: Path, way: Way, server: str | None, token: str | None) -> Iterator[Target]:
    """Give the server itself, past the way."""
    if server is not None:
        with _workspace(server, str(token), None) as target:
            yield target
        return
    running = start_server(root, arguments=["--jobs-url", way.url])
    try:
        running.tell_jobs({"METAFLOW_WINDMILL_ALLOW_FILE_REPOSITORIES": "1"})
        yield Patient(running.url, running.token, running.workspace)
    finally:
        end_server(running)


def _done(plan: Plan, home: Home, way: Way, good: Target, *, with_git: bool) -> Result:
    bad = Patient(way.url, good.token, good.workspace)
    doing = Once(home, bad, plan.seed)
    way.rate = plan.rate
    git = _prepared(home, good, bad) if with_git else None
    for flow in FLOWS:
        doing.deploy(flow)
    on = time.time()
    doing.schedule()
    with ThreadPoolExecutor(1) as beside:
        numbers = range(plan.from_git if git else 0)
        from_git = [beside.submit(_tried, doing, partial(git.deploy, number)) for number in numbers if git]
        _until(plan, doing)
        started = [each.result() for each in from_git]
    off = time.time()
    doing.unschedule()
    way.rate = 0
    waiting = _drained(good)
    found = Found(_runs(good), _tasks(home, good), waiting)
    told = accounts(doing.asks, found, Ticks(on, off, EVERY))
    told += [_versions(doing, good), Account("refused or given up", len(doing.wrong), wrong=doing.wrong)]
    if git:
        told.append(_git(started, good))
    return Result(doing.asks.counts, sum(way.asked.values()), way.faults, told)


def _until(plan: Plan, doing: Once) -> None:
    """Do one thing after the other until there are so many runs, or the time is over."""
    end = time.monotonic() + plan.minutes * 60
    while doing.started < plan.runs and time.monotonic() < end:
        if doing.live() < plan.at_once:
            doing.one()
        else:
            time.sleep(0.2)


def _tried(doing: Once, what: Callable[[], str]) -> str:
    try:
        return what()
    except Exception as why:  # noqa: BLE001 - whatever it is, it is counted
        doing.wrong.append(f"from git: {type(why).__name__}: {why}")
        return ""


def _prepared(home: Home, good: Target, bad: Target) -> FromGit:
    """Install the scripts over the bad way, and make the repository that they deploy from."""
    installer = Installer(bad.client.transport, bad.workspace)
    installer.carry_out(installer.plan(shipment()), lambda _: None)
    server = Server(good.host, good.token, good.workspace)
    server.post("/folders/create", {"name": "git"})
    origin = new_repository(home.root / "origin.git", {"README": "flows"})
    store = home.root / "git-store"
    value = {"url": origin.url, "folder": FOLDER, "datastore": "local", "datastore_root": str(store)}
    body = {"path": CONFIGURATION, "value": value, "resource_type": "metaflow_repo", "description": ""}
    server.post("/resources/create", body)
    return FromGit(bad, origin, store)


def _versions(doing: Once, good: Target) -> Account:
    """Each deployment made one version."""
    account = Account("versions of flows", sum(doing.deployments.values()))
    for flow, wanted in doing.deployments.items():
        there = len(good.client.flow_history(f"f/flows/{flow}"))
        if there != wanted:
            account.wrong.append(f"{flow} was deployed {wanted} times and has {there} versions")
    return account


def _git(started: list[str], good: Target) -> Account:
    """Each commit made one version, and its run is there once and ended well."""
    account = Account("commits deployed and run", len(started))
    versions = len(good.client.flow_history(f"{FOLDER}/SoakLinear"))
    if versions != len(started):
        account.wrong.append(f"{len(started)} commits made {versions} versions")
    runs = {job.id: job.state.value for job in good.client.list_runs(f"{FOLDER}/SoakLinear")}
    account.wrong += [f"{job} is {runs.get(job)}" for job in started if runs.get(job) != "SUCCEEDED"]
    account.wrong += [f"nobody asked for {job}" for job in runs.keys() - set(started)]
    return account
