"""What waits in the queue, by tag, beside the workers that are alive."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from metaflow_windmill.client.listing import PAGE
from metaflow_windmill.client.server_version import read_version
from metaflow_windmill.client.transport import Request
from metaflow_windmill.errors import WindmillError
from metaflow_windmill.openflow import objects_in
from metaflow_windmill.workspace.doctor.findings import Finding
from metaflow_windmill.workspace.doctor.flow_findings import CREATE, tag_advice
from metaflow_windmill.workspace.doctor.workers import living

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.doctor.flow_findings import ListedFlow
    from metaflow_windmill.workspace.doctor.server_findings import InspectedSite

PATIENCE = 10.0
"""Seconds that a job may wait for a worker before that is worth a word."""

_START = (
    "Start one (`docker compose up -d windmill_worker`, or whatever runs Windmill; an embedded server has "
    "its own: `metaflow-windmill dev`)."
)


def worker_findings(site: InspectedSite) -> Iterator[Finding]:
    """Yield whether workers are alive, and of the server's version."""
    rows = living(site)
    if not rows:
        yield Finding("workers alive", "bad", "No worker is alive, so nothing runs.", _START)
        return
    request = Request("GET", "/version")
    yield from version_findings(rows, site.transport.send(request).text)
    groups = sorted({str(row.get("worker_group") or "default") for row in rows})
    yield Finding("workers alive", "ok", f"{len(rows)}, of {_counted(groups, 'group')}")


def version_findings(rows: Sequence[Json], server: str) -> Iterator[Finding]:
    """Yield the workers whose release is not the server's."""
    wanted = read_version(server)
    for row in rows:
        found = read_version(str(row.get("wm_version") or ""))
        if wanted and found and found.numbers != wanted.numbers:
            said = f"The worker {row['worker']} is of version {found.name}, and the server of {wanted.name}."
            advice = "Give both the same image: `docker compose pull && docker compose up -d`."
            yield Finding("workers alive", "warn", said, advice)


def queue_findings(site: InspectedSite, path: str = "", now: datetime | None = None) -> Iterator[Finding]:
    """Yield what waits for a tag that nobody has, and what waits for long; at the end what there is in all.

    Parameters
    ----------
    site : InspectedSite
    path : str
        Of the flow whose runs are looked at; empty for all jobs.
    now : datetime, optional
    """
    asked: dict[str, str | int] = {"script_path_start": path, "per_page": PAGE}
    waiting = by_tag(site.windmill.list_queued_jobs(running=False, scheduled_for_before_now=True, **asked))
    unserved = set(site.windmill.unserved_tags(waiting)) if waiting else set()
    for tag in sorted(unserved):
        yield unserved_finding(tag, waiting[tag])
    served = {tag: jobs for tag, jobs in waiting.items() if tag not in unserved}
    yield from late_findings(served, living_or_none(site), now or datetime.now(timezone.utc))
    said = ", ".join(f"{tag} {len(jobs)}" for tag, jobs in sorted(served.items()))
    yield Finding("queue", "ok", f"waiting, by tag: {said}" if said else "nothing else waits for a worker")


def approval_findings(site: InspectedSite, path: str = "") -> Iterator[Finding]:
    """Yield the runs that wait for a person."""
    for job in site.windmill.list_queued_jobs(script_path_start=path, suspended=True, per_page=PAGE):
        if job.suspended:
            said = f"The run windmill-{job.id} of {job.path} waits for somebody to approve it."
            yield Finding("queue", "warn", said, f"Run `python flow.py windmill approve windmill-{job.id}`.")


def limit_findings(site: InspectedSite, found: Sequence[ListedFlow]) -> Iterator[Finding]:
    """Yield the flows whose jobs wait while so many run as somebody allowed in Windmill.

    Windmill puts such a job back with a later time. The community edition ignores limits.
    """
    for one in found:
        limit = min(limits_of(one.flow.value), default=0)
        held = _held(site, one.path) if limit else []
        if held:
            said = (
                f"{one.path} has a limit of {limit} at a time (concurrent_limit), and "
                f"{_counted(held, 'job')} of it {_waits(held)}."
            )
            advice = (
                f"End a run with `python flow.py windmill terminate RUN`, or run `{CREATE}`, which deploys "
                "the flow without the limit: it was set in Windmill."
            )
            yield Finding("queue", "warn", said, advice)


def limits_of(value: Json) -> Iterator[int]:
    """Yield how many jobs at a time a flow's value allows, of all or of a step."""
    found = (part.get("concurrent_limit") for part in objects_in(value))
    yield from (limit for limit in found if isinstance(limit, int) and limit > 0)  # others are none


def _held(site: InspectedSite, path: str) -> list[Job]:
    """Return the jobs of a flow that have not begun; the next run by its schedule is not due."""
    jobs = site.windmill.list_queued_jobs(script_path_start=path, running=False, per_page=PAGE)
    own = (job for job in jobs if job.path == path or job.path.startswith(f"{path}/"))
    return [job for job in own if not job.suspended and (job.is_step or not job.schedule)]


def by_tag(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    """Return jobs that wait for a worker, by their tags."""
    found: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        if job.tag and not job.suspended:
            found[job.tag].append(job)
    return dict(found)


def unserved_finding(tag: str, jobs: Sequence[Job]) -> Finding:
    """Return that jobs wait for a tag that no worker has."""
    paths = sorted({job.path for job in jobs if job.path})
    first = f" ({paths[0]}{' and others' if len(paths) > 1 else ''})" if paths else ""
    said = f"{_counted(jobs, 'job')} {_waits(jobs)} for the tag {tag!r}{first}, which no worker has."
    return Finding("queue", "bad", said, tag_advice(tag))


def late_findings(
    waiting: Mapping[str, Sequence[Job]], workers: int | None, now: datetime
) -> Iterator[Finding]:
    """Yield the tags whose jobs wait although workers take them: all of those are at work."""
    for tag, jobs in sorted(waiting.items()):
        since = min((job.due_at for job in jobs if job.due_at), default=now)
        seconds = (now - since).total_seconds()
        if seconds >= PATIENCE:
            have = "" if workers is None else f"; {_counted(range(workers), 'worker')} alive, all at work"
            said = f"{_counted(jobs, 'job')} {_waits(jobs)} for the tag {tag!r}, since {seconds:.0f} s{have}."
            advice = (
                "Start more workers (`docker compose up -d --scale windmill_worker=N`, or "
                "`metaflow-windmill dev --workers N`), or end a run: `python flow.py windmill terminate RUN`."
            )
            yield Finding("queue", "warn", said, advice)


def living_or_none(site: InspectedSite) -> int | None:
    """Return how many workers are alive; None where the server does not tell this token."""
    try:
        return len(living(site))
    except WindmillError:
        return None


def _waits(jobs: Sequence[Job]) -> str:
    return "waits" if len(jobs) == 1 else "wait"


def _counted(items: Sequence[object], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
