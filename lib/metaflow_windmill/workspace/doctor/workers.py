"""Asks every worker that is alive: a job for each, again for those that another worker was faster than."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.errors import WindmillError
from metaflow_windmill.workspace.doctor.findings import Finding, found_at
from metaflow_windmill.workspace.doctor.server_findings import SCRIPT, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.doctor.server_findings import InspectedSite

PYTHON = "python3"
ROUNDS = 3
ALIVE_SECONDS = 60
PAGE = 100
_TICK = 0.2

_OTHERS = """
ansible bash bigquery bun bunnative chromium csharp deno dependency docker duckdb flow go graphql java mssql
mysql nativets nu nushell oracledb other php postgresql powershell rlang ruby rust script snowflake
"""
OTHER_LANGUAGES = frozenset(_OTHERS.split())
"""Windmill's own tags beside Python's: no job with one of these runs Python."""


@dataclass(frozen=True)
class ListedWorker:
    """A worker as ``workers/list`` shows it; `tag` makes it take a Python job, None if nothing does."""

    name: str
    tag: str | None


def living(site: InspectedSite) -> list[Json]:
    """Return the workers that were heard of within the last minute."""
    query = {"per_page": str(PAGE), "ping_since": str(ALIVE_SECONDS)}
    return list(site.get("/workers/list", query))


def alive(rows: Iterable[Json]) -> tuple[ListedWorker, ...]:
    """Return the workers of an answer of ``workers/list``."""
    return tuple(ListedWorker(row["worker"], _tag(row.get("custom_tags"))) for row in rows)


def _tag(tags: list[str] | None) -> str | None:
    """Return the tag that reaches a worker: Python's, or else one that an administrator gave it."""
    if not tags or PYTHON in tags:
        return PYTHON
    return next((tag for tag in tags if tag not in OTHER_LANGUAGES), None)


def ask_workers(
    site: InspectedSite, arguments: Mapping[str, Json], seconds: float, say: Callable[[str], None]
) -> tuple[Finding, ...]:
    """Run the doctor's script once on every worker, as far as Windmill lets one choose.

    Parameters
    ----------
    site : InspectedSite
    arguments : mapping of str to JSON
        Of the script.
    seconds : float
        How long to wait in all.
    say : callable
        Takes what is going on, as lines.

    Returns
    -------
    tuple of Finding
        What each worker found, and one about each that did not answer.
    """
    try:
        if site.find_script(SCRIPT) is None:
            said = f"They were not asked: {SCRIPT} is not in the workspace."
            return (Finding("workers", "bad", said, "Run `metaflow-windmill install`."),)
        workers = alive(living(site))
        answers = _rounds(site, workers, arguments, seconds, say)
    except WindmillError as why:
        return (
            Finding("workers", "bad", sentence(why), "Ask an admin to run this, or to give you the rights."),
        )
    return (count_finding(workers, set(answers)), *_told(workers, answers))


def count_finding(workers: tuple[ListedWorker, ...], answered: set[str]) -> Finding:
    """Return how many of the workers answered."""
    if not workers and not answered:
        return Finding("workers", "bad", "No worker is alive.", "Start one: without it nothing runs.")
    able = [worker.name for worker in workers if worker.tag]
    missing = [name for name in able if name not in answered]
    said = f"{len(answered)} of {len(able)} that run Python answered"
    if not answered:
        return Finding("workers", "bad", f"{said}.", "Look at the queue of jobs, and at the workers' logs.")
    if missing:
        return Finding("workers", "warn", f"{said}.", "See below for the others.")
    return Finding("workers", "ok", said)


def silent_finding(worker: ListedWorker) -> Finding:
    """Return why a worker has said nothing."""
    if worker.tag is None:
        said, advice = "It runs no Python, so it was not asked.", "Nothing, unless flows are to run there."
        return Finding("worker", "ok", said, advice, worker.name)
    said = "It did not answer: it was busy, or others were faster."
    return Finding("worker", "warn", said, "Try again when it is idle, with a longer --timeout.", worker.name)


def findings_of(job_id: str, result: Json) -> tuple[str, tuple[Finding, ...]]:
    """Return the worker of a job that has ended and what it found, whatever came instead of a result."""
    if isinstance(result, dict) and isinstance(result.get("findings"), list):
        worker = str(result.get("worker") or f"of job {job_id}")
        return worker, found_at(worker, map(Finding.from_json, result["findings"]))
    error = result.get("error") if isinstance(result, dict) else None
    words = str(error.get("message") if isinstance(error, dict) else error or result).strip()
    advice = f"See the log of the job {job_id}, then run `metaflow-windmill install`."
    return f"of job {job_id}", (
        Finding("worker", "bad", f"The job failed: {words}", advice, f"of job {job_id}"),
    )


def _rounds(
    site: InspectedSite,
    workers: tuple[ListedWorker, ...],
    arguments: Mapping[str, Json],
    seconds: float,
    say: Callable[[str], None],
) -> dict[str, tuple[Finding, ...]]:
    """Return the findings by worker."""
    answers: dict[str, tuple[Finding, ...]] = {}
    deadline = time.monotonic() + seconds
    for _ in range(ROUNDS):
        left = [worker for worker in workers if worker.name not in answers and worker.tag]
        if not left or time.monotonic() > deadline:
            break
        say(f"asking {len(left)} of {len(workers)} workers ...")
        jobs = [_start(site, str(worker.tag), arguments) for worker in left]
        answers.update(_ended(site, jobs, deadline))
    return answers


def _start(site: InspectedSite, tag: str, arguments: Mapping[str, Json]) -> str:
    """Start the script for the workers of a tag; return the job's id."""
    job_id = str(uuid.uuid4())
    return site.windmill.run_script(SCRIPT, arguments, job_id, {} if tag == PYTHON else {"tag": tag})


def _ended(
    site: InspectedSite, jobs: list[str], deadline: float
) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Yield what each job found; those that are not over in time are canceled."""
    waiting = list(jobs)
    while waiting and time.monotonic() < deadline:
        for job_id in list(waiting):
            outcome = site.windmill.outcome(job_id)
            if outcome.completed:
                waiting.remove(job_id)
                yield findings_of(job_id, outcome.result)
        time.sleep(_TICK if waiting else 0)
    for job_id in waiting:
        site.windmill.cancel_job(job_id, "metaflow-windmill doctor has stopped waiting")


def _told(workers: tuple[ListedWorker, ...], answers: dict[str, tuple[Finding, ...]]) -> Iterator[Finding]:
    for findings in answers.values():
        yield from findings
    yield from (silent_finding(worker) for worker in workers if worker.name not in answers)
