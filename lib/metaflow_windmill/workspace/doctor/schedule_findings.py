"""Why a flow does not run by itself: its schedule as Windmill has it, beside what was deployed."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from metaflow_windmill.client.listing import all_items
from metaflow_windmill.client.models import JobState
from metaflow_windmill.client.transport import Request
from metaflow_windmill.contract.record import Record
from metaflow_windmill.errors import WindmillError
from metaflow_windmill.runs.reasons import reason_of
from metaflow_windmill.workspace.doctor.findings import Finding
from metaflow_windmill.workspace.doctor.flow_findings import CREATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Schedule
    from metaflow_windmill.workspace.doctor.flow_findings import ListedFlow
    from metaflow_windmill.workspace.doctor.server_findings import InspectedSite

UNSUSPEND = "python flow.py windmill unsuspend"
_SHOWN = 3
"""Schedules whose next times are told."""


def schedule_findings(site: InspectedSite, found: tuple[ListedFlow, ...]) -> Iterator[Finding]:
    """Yield what is wrong with the schedules of deployed flows, and when the others are due."""
    members = site.windmill.members()
    due: list[tuple[str, str]] = []
    for one in found:
        if not isinstance(one.record, Record):
            continue
        schedule = site.windmill.schedules.find(one.path)
        if schedule is None:
            yield from missing_findings(one.path, one.record)
            continue
        faults = [*schedule_faults(schedule, one.record, members), *_failed_run(site, schedule)]
        yield from faults
        if schedule.enabled:
            due.append((next_time(site, schedule), one.path))
    yield Finding("schedules", "ok", due_text(due))


def missing_findings(path: str, record: Record) -> Iterator[Finding]:
    """Yield that a schedule was deployed and is gone."""
    if record.schedule is not None:
        said = f"{path} was deployed to run at {record.schedule.cron!r}, and its schedule is gone."
        yield Finding("schedule", "bad", said, f"Run `{CREATE}`, which makes it anew.")


def schedule_faults(
    schedule: Schedule, record: Record, members: frozenset[str], now: datetime | None = None
) -> Iterator[Finding]:
    """Yield what keeps a schedule from starting runs, or those runs from going well.

    Parameters
    ----------
    schedule : Schedule
    record : Record
        Of its flow.
    members : frozenset of str
        Names of the workspace's users; empty where they are not known.
    now : datetime, optional
    """
    path = schedule.path
    if not schedule.enabled:
        yield Finding("schedule", "warn", f"The schedule of {path} is off.", f"Run `{UNSUSPEND}`.")
    if schedule.paused_until and schedule.paused_until > (now or datetime.now(timezone.utc)):
        said = f"The schedule of {path} is paused until {schedule.paused_until:%Y-%m-%d %H:%M} UTC."
        yield Finding("schedule", "warn", said, f"Run `{UNSUSPEND}` to have it run before.")
    if schedule.error:
        said = f"Windmill could not queue the next run of {path}: {schedule.error}"
        advice = f"Run `python flow.py windmill suspend`, then `{UNSUSPEND}`."
        yield Finding("schedule", "bad", said, advice)
    if members and schedule.owner not in {*members, ""}:
        said = f"The schedule of {path} acts for {schedule.owner}, who is not in the workspace any more."
        yield Finding("schedule", "bad", said, f"Run `{UNSUSPEND}`, and it acts for you.")
    wanted = record.schedule
    if wanted is None or (wanted.cron, wanted.timezone) != (schedule.cron, schedule.timezone):
        was = f"{wanted.cron!r} ({wanted.timezone})" if wanted else "no schedule"
        said = f"The schedule of {path} is {schedule.cron!r} ({schedule.timezone}); {was} was deployed."
        advice = f"Run `{CREATE}` to have it as the flow says, or change @schedule to what it is now."
        yield Finding("schedule", "warn", said, advice)
    given = schedule.args or {}
    lacking = [info.name for info in record.parameters if info.required and given.get(info.name) is None]
    if lacking:
        said = f"The schedule of {path} gives no value for {', '.join(lacking)}, so that each run fails."
        advice = f"Give the parameter a default and run `{CREATE}`, or set it on the schedule's page."
        yield Finding("schedule", "bad", said, advice)


def orphan_findings(site: InspectedSite) -> Iterator[Finding]:
    """Yield the schedules of flows that are not there any more."""
    base = f"/w/{site.workspace}"
    there = set(site.get(f"{base}/flows/list_paths"))
    rows = all_items(lambda page: site.get(f"{base}/schedules/list", {"is_flow": "true", **page}))
    for row in rows:
        if row["enabled"] and row["script_path"] not in there:
            said = f"The schedule {row['path']} starts the flow {row['script_path']}, which is not there."
            advice = f"Run `wmill schedule disable {row['path']}`, or deploy the flow again."
            yield Finding("schedule", "bad", said, advice)


def next_time(site: InspectedSite, schedule: Schedule) -> str:
    """Return when a schedule is due, as text that sorts; empty where the server does not tell."""
    body = {"schedule": schedule.cron, "timezone": schedule.timezone, "cron_version": "v2"}
    request = Request("POST", "/schedules/preview", body=body, repeatable=True)
    try:
        response = site.transport.send(request)
        times = response.json(request) if response.status == 200 else []  # noqa: PLR2004
    except WindmillError:
        return ""
    return str(times[0])[:16].replace("T", " ") if times else ""


def due_text(due: list[tuple[str, str]]) -> str:
    """Return how many schedules are on, and which are due next."""
    told = [f"{path} at {at} UTC" for at, path in sorted(due) if at][:_SHOWN]
    return f"{len(due)} on" + (f"; due next: {', '.join(told)}" if told else "")


def _failed_run(site: InspectedSite, schedule: Schedule) -> Iterator[Finding]:
    """Yield that the last run which the schedule started failed, and why."""
    runs = site.windmill.list_completed_jobs(
        script_path_exact=schedule.flow_path, schedule_path=schedule.path, per_page=1
    )
    if runs and runs[0].state is JobState.FAILED:
        job = site.windmill.get_job(runs[0].id)
        said = f"The last run of {schedule.path} by its schedule failed: {reason_of(site.windmill, job).line}"
        advice = f"Run `python flow.py windmill logs windmill-{job.id}`."
        yield Finding("schedule", "warn", said, advice)
