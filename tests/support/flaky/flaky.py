"""So many runs over a bad way, and an account of all that came of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
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

from metaflow_windmill.workspace.installing.installer import Installer
from metaflow_windmill.workspace.installing.shipped import shipment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.support.deployed import Target
    from tests.support.flaky.proxy import Way

    from metaflow_windmill.workspace.installing.shipped import Shipment

FLOWS = (*MIXED, "SoakResumed", *TOLD)


@dataclass(frozen=True)
class Elsewhere:
    """Another Windmill.

    Parameters
    ----------
    url, token : str
    tag : str
        Of workers whose jobs ask over a bad way too, and which run all steps and scripts; empty where jobs
        ask directly.
    port : int
        Of this machine, where the jobs of these workers believe that Windmill is.
    really : str
        The address where it is.
    """

    url: str
    token: str
    tag: str = ""
    port: int = 0
    really: str = ""


@dataclass(frozen=True)
class Plan:
    """How many runs, the share of requests that go wrong, by which seed, how many runs at a time, and how
    many are deployed from git; after so many minutes nothing more is begun.
    """

    runs: int
    rate: float
    seed: int
    at_once: int = 4
    from_git: int = 6
    minutes: float = 600.0


@dataclass(frozen=True)
class Result:
    """What was done, what went wrong on the way, and how it balances."""

    counts: Mapping[str, int]
    requests: int
    of_jobs: int
    faults: Mapping[str, int]
    accounts: list[Account]


def flaky(plan: Plan, root: Path, elsewhere: Elsewhere | None = None) -> Result:
    """Do everything over a bad way: what asks from outside, and the jobs."""
    home = Home(root / "home")
    home.root.mkdir()
    port = elsewhere.port if elsewhere else 0
    with (
        flaky_way(0, plan.seed) as way,
        flaky_way(0, plan.seed + 1, port=port) as of_jobs,
        _good(root, of_jobs, elsewhere) as good,
    ):
        way.to, of_jobs.to = good.host, (elsewhere.really if elsewhere else good.host)
        return _done(plan, home, (way, of_jobs), good, with_git=not elsewhere or bool(elsewhere.tag))


@contextmanager
def _good(root: Path, of_jobs: Way, elsewhere: Elsewhere | None) -> Iterator[Patient]:
    """Give the server itself, past the way."""
    if elsewhere is not None:
        with _workspace(elsewhere.url, elsewhere.token, None) as target:
            yield Patient(target.host, target.token, target.workspace, elsewhere.tag)
        return
    running = start_server(root, arguments=["--jobs-url", of_jobs.url])
    try:
        yield Patient(running.url, running.token, running.workspace)
    finally:
        end_server(running)


def _done(plan: Plan, home: Home, ways: tuple[Way, Way], good: Patient, *, with_git: bool) -> Result:
    bad = replace(good, host=ways[0].url)
    doing = Once(home, bad, plan.seed)
    for way in ways:
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
    for way in ways:
        way.rate = 0
    waiting = _drained(good)
    found = Found(_runs(good), _tasks(home, good), waiting)
    told = accounts(doing.asks, found, Ticks(on, off, EVERY))
    told += [_versions(doing, good), Account("refused or given up", len(doing.wrong), wrong=doing.wrong)]
    if git:
        told.append(_git(started, good))
    every, of_jobs = (way.asked.total() for way in ways)
    return Result(doing.asks.counts, every + of_jobs, of_jobs, ways[0].faults + ways[1].faults, told)


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


def _prepared(home: Home, good: Patient, bad: Patient) -> FromGit:
    """Install the scripts over the bad way, and make the repository that they deploy from."""
    server = Server(good.host, good.token, good.workspace)
    server.tell_jobs({"METAFLOW_WINDMILL_ALLOW_FILE_REPOSITORIES": "1"})
    installer = Installer(bad.client.transport, bad.workspace)
    installer.carry_out(installer.plan(_tagged(shipment(), bad.tag)), lambda _: None)
    server.post("/folders/create", {"name": "git"})
    origin = new_repository(home.root / "origin.git", {"README": "flows"})
    from_git = FromGit(bad, origin, home.root / "git-store")
    body = {"path": CONFIGURATION, "value": from_git.configuration, "resource_type": "metaflow_repo"}
    server.post("/resources/create", {**body, "description": ""})
    return from_git


def _tagged(all_of_it: Shipment, tag: str) -> Shipment:
    """Have the scripts run on the workers with a tag."""
    bodies = [{**script.body, **({"tag": tag} if tag else {})} for script in all_of_it.scripts]
    pairs = zip(all_of_it.scripts, bodies, strict=True)
    return replace(all_of_it, scripts=tuple(replace(script, body=body) for script, body in pairs))


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
