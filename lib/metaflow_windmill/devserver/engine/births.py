"""New rows: what somebody asks for, or what a module starts, as a job."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine.definitions import stored_text
from metaflow_windmill.devserver.engine.leaf_jobs import value_of
from metaflow_windmill.devserver.engine.plan import PREPROCESSOR
from metaflow_windmill.devserver.model import JobExists
from metaflow_windmill.devserver.store import canonical, clock, flow_rows, job_rows
from metaflow_windmill.devserver.store.flow_rows import EngineEvent
from metaflow_windmill.devserver.store.job_rows import JobEnding, JobRow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from metaflow_windmill.devserver.engine.plan import ChildJob
    from metaflow_windmill.devserver.model import ScriptCode, Submission
    from metaflow_windmill.devserver.store.flow_rows import ModuleRun
    from metaflow_windmill.openflow import FlowValue
    from metaflow_windmill.types import Json

FLOW_DEPENDENCIES = "flowdependencies"
DEPENDENCIES = ("dependencies", FLOW_DEPENDENCIES)
"""Jobs that resolve requirements when something is deployed."""

DEPENDENCY_TAG = "dependency"
AT_ONCE = 100
"""Children that are in memory at the same time; a loop may start many thousands."""

NOTHING_RESOLVED: Json = {"status": "there is nothing to resolve"}

_RANDOM_BITS = 80
_TIME_BITS = 48


def new_job_id(instant: int) -> str:
    """Return an id for a job that is made at an instant, in microseconds since 1970.

    Ids are in the order of time, as a real Windmill's are, which begin with milliseconds.
    """
    milliseconds = (instant // 1000) % (1 << _TIME_BITS)
    return str(uuid.UUID(int=milliseconds << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)))


def submit(connection: sqlite3.Connection, asked: Submission, value: FlowValue | None) -> JobRow:
    """Insert the job that somebody asks for.

    Raises
    ------
    JobExists
        If a job has the chosen id.
    """
    job_id = asked.job_id or new_job_id(clock.now())
    if job_rows.load(connection, job_id) is not None:
        raise JobExists(job_id)
    for_worker = value is None and (asked.resolves or asked.kind not in DEPENDENCIES)
    document, details = _documents(connection, asked.code, value)
    now = clock.now()
    job = JobRow(
        id=job_id,
        workspace=asked.who.workspace,
        kind=asked.kind,
        state="queued",
        for_worker=for_worker,
        tag=_tag(asked),
        who=_narrowed(job_rows.write_identity(asked.who), _own_scopes(asked)),
        created_by=asked.created_by or asked.who.username,
        created_at=now,
        scheduled_for=clock.from_datetime(asked.scheduled_for) if asked.scheduled_for else now,
        root=asked.root_job or asked.parent_job or job_id,
        inner_root=job_id,
        path=asked.path,
        hash=_version(asked),
        document=document,
        details=details,
        language=asked.code.language if asked.code and value is None else None,
        timeout=asked.timeout or (asked.code.timeout if asked.code else None),
        schedule_path=asked.schedule_path,
        labels=job_rows.merged_labels(None, asked.labels),
        parent=asked.parent_job,
        preprocess=_preprocesses(asked, value),
    )
    args = {"event": asked.event} if job.preprocess else asked.args
    job_rows.insert(connection, [(job, canonical.dump(args))])
    _set_off(connection, job, value)
    return job


def _set_off(connection: sqlite3.Connection, job: JobRow, value: FlowValue | None) -> None:
    if job.kind in DEPENDENCIES and not job.for_worker:
        job_rows.end(connection, job, JobEnding("success", canonical.dump(NOTHING_RESOLVED), job.created_at))
    elif value is not None:
        flow_rows.insert_flow(connection, [job.id], PREPROCESSOR if job.preprocess else 0)
        if job.scheduled_for <= clock.now():
            flow_rows.add_events(connection, [EngineEvent(job.root, job.id)])


def _tag(asked: Submission) -> str:
    if asked.kind in DEPENDENCIES:
        return DEPENDENCY_TAG
    if asked.code is not None:
        return asked.tag or asked.code.tag or asked.code.language
    return asked.tag or (asked.flow.tag if asked.flow else None) or "flow"


def _version(asked: Submission) -> str | None:
    if asked.code is not None:
        return asked.code.hash
    return str(asked.flow.version) if asked.flow and asked.kind != "flowpreview" else None


def _preprocesses(asked: Submission, value: FlowValue | None) -> bool:
    if asked.event is None:
        return False
    if value is not None:
        return value.preprocessor_module is not None
    return asked.code is not None and asked.code.has_preprocessor


def flow_value(asked: Submission) -> FlowValue | None:
    """Return the flow that somebody asks for, read and completed; None for anything else.

    Raises
    ------
    InvalidDocument
        If it is not a flow value.
    """
    if asked.flow is None or asked.kind in DEPENDENCIES:
        return None
    return value_of(asked.flow, deployed=asked.kind != "flowpreview")


@dataclass(frozen=True)
class Parent:
    """What the children of a module share.

    Parameters
    ----------
    flow : JobRow
    step : int
    module : ModuleRun
    scheduled_for : int or None
        When they may begin, in microseconds since 1970; None for at once.
    """

    flow: JobRow
    step: int
    module: ModuleRun
    scheduled_for: int | None = None


def children(connection: sqlite3.Connection, parent: Parent, new: Iterable[ChildJob]) -> Iterator[JobRow]:
    """Insert the jobs that a module starts, and what is to be reacted to at once; yield each job."""
    documents = _Documents(connection)
    rest = iter(new)
    while some := tuple(islice(rest, AT_ONCE)):
        yield from _some(connection, parent, some, documents)


def _some(
    connection: sqlite3.Connection, parent: Parent, new: Sequence[ChildJob], documents: _Documents
) -> list[JobRow]:
    now = clock.now()
    pairs = [(_child(parent, child, documents.of(child), now), child) for child in new]
    jobs = [job for job, _ in pairs]
    job_rows.insert(connection, [(job, canonical.dump(child.args)) for job, child in pairs])
    flow_rows.insert_flow(connection, [job.id for job in jobs if job.is_flow])
    events = []
    for job, child in pairs:
        if child.error is not None:
            events.append(_failed_at_birth(connection, job, child.error))
        elif job.scheduled_for > now or job.suspended:
            continue
        elif job.is_flow:
            events.append(EngineEvent(job.root, job.id))
        elif not job.for_worker:
            events.append(end_identity(connection, job, child.args.get("previous_result")))
    flow_rows.add_events(connection, events)
    return jobs


def _child(parent: Parent, child: ChildJob, documents: tuple[str | None, str | None], now: int) -> JobRow:
    job_id = new_job_id(now)
    flow = parent.flow
    return JobRow(
        id=job_id,
        workspace=flow.workspace,
        kind=child.kind,
        state="queued",
        for_worker=child.code is not None,
        tag=child.tag,
        who=_narrowed(flow.who, child.scopes),
        created_by=flow.created_by,
        created_at=now,
        scheduled_for=max(now, parent.scheduled_for or 0),
        root=flow.root,
        inner_root=job_id if child.own_root else flow.inner_root,
        path=child.path,
        hash=child.hash,
        document=documents[0],
        details=documents[1],
        language=child.code.language if child.code else None,
        timeout=child.timeout,
        schedule_path=flow.schedule_path,
        parent=flow.id,
        step=parent.step,
        step_id=parent.module.id,
        iteration=child.iteration,
        attempt=parent.module.attempt,
        pre_run_error=child.error,
        suspended=child.suspended,
    )


def _own_scopes(asked: Submission) -> tuple[str, ...] | None:
    return None if asked.code is None or asked.kind in DEPENDENCIES else asked.code.scopes


def _narrowed(who: str, scopes: tuple[str, ...] | None) -> str:
    """Return the one whom a job acts for, with no more rights than its module or script leaves it."""
    if scopes is None:
        return who
    whole = job_rows.read_identity(who)
    kept = scopes if whole.scopes is None else tuple(one for one in scopes if one in whole.scopes)
    return job_rows.write_identity(replace(whole, scopes=kept))


def end_identity(connection: sqlite3.Connection, job: JobRow, result: Json) -> EngineEvent:
    """End a job that only passes a result on; return what its flow has to react to."""
    job_rows.end(connection, job, JobEnding("success", canonical.dump(result), clock.now()))
    return EngineEvent(job.root, job.parent or "", job.id)


def _failed_at_birth(connection: sqlite3.Connection, job: JobRow, why: str) -> EngineEvent:
    error = {"error": {"name": "ExecutionErr", "message": why}}
    job_rows.end(connection, job, JobEnding("failure", canonical.dump(error), clock.now()))
    return EngineEvent(job.root, job.parent or "", job.id, success=False)


class _Documents:
    """Keeps the texts of jobs; one that a row of jobs shares is looked at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._last: ScriptCode | FlowValue | None = None
        self._ids: tuple[str | None, str | None] = (None, None)

    def of(self, child: ChildJob) -> tuple[str | None, str | None]:
        shared = child.flow if child.flow is not None else child.code
        if shared is not self._last:
            self._last, self._ids = shared, _documents(self._connection, child.code, child.flow)
        return self._ids


def _documents(
    connection: sqlite3.Connection, code: ScriptCode | None, value: FlowValue | None
) -> tuple[str | None, str | None]:
    """Keep the text of a flow, or that of a script and what else it has; return their ids."""
    if value is not None:
        return job_rows.put_document(connection, stored_text(value)), None
    if code is None:
        return None, None
    details = {"lock": code.lock, "envs": code.envs, "has_preprocessor": code.has_preprocessor}
    return (
        job_rows.put_document(connection, code.content),
        job_rows.put_document(connection, json.dumps(details)),
    )
