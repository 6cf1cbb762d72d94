"""The accounts of a soak: each says how much there was, what is explained, and what does not balance."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.soak.expected import LINES, expected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.soak.told import Asked, Asks, Found, Ran, Task, Ticks

GIVEN_UP = "The worker of this job died"
"""What the embedded server says of a job whose workers died too often."""
NEAR = 1.5
"""Seconds around a server's death in which a tick may be missed: it is dying, or not yet awake."""


@dataclass
class Account:
    """One line of the table."""

    name: str
    total: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def accounts(asks: Asks, found: Found, ticks: Ticks) -> list[Account]:
    """Balance everything that was asked for against everything that is there."""
    tasks = defaultdict(list)
    for task in found.tasks:
        tasks[task.run].append(task)
    asked = {run.run: run for run in asks.runs}
    return [
        _runs(asked, found),
        _tasks(asked, found.runs, tasks),
        _artifacts(asked, found.runs, tasks),
        _lines("log lines in Metaflow", found, in_job=False),
        _lines("log lines in jobs", found, in_job=True),
        *_events(asks, tasks, found.runs),
        _schedule(ticks, tasks, found.runs),
        Account("jobs left over", len(found.waiting), wrong=list(found.waiting)),
    ]


def _runs(asked: dict[str, Asked], found: Found) -> Account:
    """Each run is one that was asked for, is over, and ended as it should."""
    account = Account("runs", len(found.runs))
    for run, times in Counter(ran.run for ran in found.runs).items():
        if times > 1:
            account.wrong.append(f"{run} is there {times} times")
    for missing in asked.keys() - {ran.run for ran in found.runs}:
        account.wrong.append(f"{asked[missing].flow}/{missing} was asked for and is not there")
    for ran in found.runs:
        _end(account, ran, asked.get(ran.run))
    return account


def _end(account: Account, ran: Ran, asked: Asked | None) -> None:
    told = f"{ran.flow}/{ran.run} is {ran.state}: {ran.result[:300]}"
    if asked is None and ran.flow not in ("SoakTicks", "SoakHeard", "SoakPair"):
        account.wrong.append(f"{told}; nobody asked for it")
    elif ran.state not in ("SUCCEEDED", "FAILED", "CANCELED"):
        account.wrong.append(f"{told}; it is not over")
    elif asked is not None and asked.end == "ANY":
        account.explained[f"terminated: {ran.state.lower()}"] += 1
        if ran.state == "FAILED" and GIVEN_UP not in ran.result:
            account.wrong.append(told)
    elif ran.state != (asked.end if asked else "SUCCEEDED"):
        if ran.state == "FAILED" and GIVEN_UP in ran.result:
            account.explained["failed: its workers were killed too often"] += 1
        else:
            account.wrong.append(told)


def _good(asked: dict[str, Asked], runs: Iterable[Ran]) -> Iterator[tuple[Ran, int]]:
    """Yield the runs that succeeded, with their numbers."""
    for ran in runs:
        if ran.state == "SUCCEEDED":
            yield ran, asked[ran.run].number if ran.run in asked else 0


def _tasks(asked: dict[str, Asked], runs: Iterable[Ran], tasks: dict[str, list[Task]]) -> Account:
    """Each step of a run that succeeded has its tasks, each once; no run has a task twice."""
    account = Account("tasks", sum(map(len, tasks.values())))
    for run, there in tasks.items():
        twice = [name for name, times in Counter(task.pathspec for task in there).items() if times > 1]
        account.wrong += [f"{name} is there twice, in {run}" for name in twice]
        for task in there:
            if task.attempt > 0:
                account.explained["needed more than one attempt"] += 1
            if task.cloned:
                account.explained["cloned by a resumed run"] += 1
    for ran, number in _good(asked, runs):
        has = dict(Counter(task.step for task in tasks[ran.run]))
        wanted = dict(expected(ran.flow, number).tasks)
        if has != wanted:
            account.wrong.append(f"{ran.flow}/{ran.run} has the tasks {has}, not {wanted}")
        account.wrong += [
            f"{task.pathspec} did not succeed" for task in tasks[ran.run] if not task.successful
        ]
    return account


def _artifacts(asked: dict[str, Asked], runs: Iterable[Ran], tasks: dict[str, list[Task]]) -> Account:
    """The last task knows what it has to, and every task ran the code of the version that was started."""
    account = Account("artifacts")
    for ran, number in _good(asked, runs):
        account.total += sum(len(task.artifacts) for task in tasks[ran.run])
        last = [task for task in tasks[ran.run] if task.step in ("end", "only")]
        for name, value in expected(ran.flow, number).artifacts.items():
            has = [task.artifacts.get(name) for task in last]
            if has != [value]:
                account.wrong.append(f"{ran.flow}/{ran.run}: {name} is {has}, not {value!r}")
        if ran.run in asked:
            account.wrong += _versions(asked[ran.run], tasks[ran.run])
    return account


def _versions(asked: Asked, tasks: Iterable[Task]) -> list[str]:
    return [
        f"{task.pathspec} ran version {task.artifacts.get('version')}, not {asked.version}"
        for task in tasks
        if not task.cloned and task.artifacts.get("version") != asked.version
    ]


def _lines(name: str, found: Found, *, in_job: bool) -> Account:
    """Each line of the attempt that counts is there once, in Metaflow's log and in that of the job."""
    account = Account(name)
    for task in found.tasks:
        if task.cloned or not task.successful:
            continue
        there = task.logged if in_job else task.lines
        for number in range(LINES):
            line = f"soak {task.pathspec} {task.attempt} {number}"
            account.total += 1
            if there.get(line) != 1:
                account.wrong.append(f"{there.get(line, 0)} times: {line}")
    return account


def _events(asks: Asks, tasks: dict[str, list[Task]], runs: Iterable[Ran]) -> Iterator[Account]:
    """Each event is in one run; of those that wait for each other, as many as there are of the rarer one."""
    used: dict[str, list[tuple[str, ...]]] = {"SoakHeard": [], "SoakPair": []}
    lost: Counter[str] = Counter()
    for ran in runs:
        if ran.flow in used:
            events = [task.artifacts.get("events") for task in tasks[ran.run]]
            if events and events[0]:
                used[ran.flow].append(tuple(events[0]))
            else:
                lost[ran.flow] += 1
    one = Account("events, alone", len(asks.events.get("soak-one", [])))
    if lost["SoakHeard"]:
        one.explained["in a run that failed"] = lost["SoakHeard"]
    _once(one, asks.events.get("soak-one", []), used["SoakHeard"])
    if len(used["SoakHeard"]) + lost["SoakHeard"] != one.total:
        one.wrong.append(f"{one.total} events started {len(used['SoakHeard']) + lost['SoakHeard']} runs")
    yield one
    left, right = asks.events.get("soak-left", []), asks.events.get("soak-right", [])
    pair = Account("events, in pairs", len(left) + len(right))
    pair.explained["wait for another"] = abs(len(left) - len(right))
    _once(pair, [*left, *right], used["SoakPair"])
    if len(used["SoakPair"]) + lost["SoakPair"] != min(len(left), len(right)):
        pair.wrong.append(f"{len(left)} and {len(right)} events started {len(used['SoakPair'])} runs")
    pairs = {tuple(sorted(both)) for both in zip(left, right, strict=False)}
    pair.wrong += [
        f"{both} came together, and not as they came" for both in used["SoakPair"] if both not in pairs
    ]
    yield pair


def _once(account: Account, published: list[str], used: list[tuple[str, ...]]) -> None:
    times = Counter(event for events in used for event in events)
    account.wrong += [f"{event} was used {count} times" for event, count in times.items() if count > 1]
    account.wrong += [f"{event} was used and never published" for event in times.keys() - set(published)]


def _schedule(ticks: Ticks, tasks: dict[str, list[Task]], runs: Iterable[Ran]) -> Account:
    """Each time that was due has one run; or the server was away, or busy with the run before."""
    due = ticks.due()
    account = Account("schedule ticks", len(due))
    began: dict[float, float] = {}
    for ran in runs:
        if ran.flow != "SoakTicks":
            continue
        for task in tasks[ran.run]:
            at = task.artifacts.get("due")
            if at is None:
                account.wrong.append(f"{task.pathspec} does not know when it was due")
            elif at in began:
                account.wrong.append(f"two runs were due at {at}, one is {ran.run}")
            else:
                began[at] = ran.began
    for at in due:
        if at not in began:
            why = _missed(ticks, at, began)
            if why is None:
                account.wrong.append(f"nothing ran at {at}")
            else:
                account.explained[why] += 1
    return account


def _missed(ticks: Ticks, at: float, began: dict[float, float]) -> str | None:
    if any(start - NEAR <= at <= end + NEAR for start, end in ticks.away):
        return "missed: the server was away"
    before = [tick for tick in began if tick < at]
    if before and began[max(before)] > at:
        return "missed: the run before had not begun"
    return None


def table(accounts: Iterable[Account]) -> str:
    """Write the accounts as a table, with all that does not balance below."""
    accounts = list(accounts)
    lines = [f"{'':24}{'there':>9}{'wrong':>7}  explained"]
    for account in accounts:
        why = "; ".join(f"{count} {what}" for what, count in sorted(account.explained.items()) if count)
        lines.append(f"{account.name:24}{account.total:>9,}{len(account.wrong):>7,}  {why}".rstrip())
    lines += [f"WRONG {account.name}: {line}" for account in accounts for line in account.wrong[:50]]
    return "\n".join(lines)
