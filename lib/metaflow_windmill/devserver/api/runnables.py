"""What a request asks to run, and the job that becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.flow_routes import version_number
from metaflow_windmill.devserver.api.request_arguments import (
    main_arguments,
    query_payload,
    read_payload,
    webhook_event,
)
from metaflow_windmill.devserver.catalog import flows
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.model import Submission
from metaflow_windmill.devserver.refusals import there

if TYPE_CHECKING:
    from metaflow_windmill.devserver.api.call import Call
    from metaflow_windmill.devserver.model import RunnableFlow, ScriptCode


@dataclass(frozen=True)
class Runnable:
    """A deployed script or flow: one of the two is None."""

    code: ScriptCode | None = None
    flow: RunnableFlow | None = None

    @property
    def path(self) -> str:
        """Where it is deployed."""
        found = self.code or self.flow
        return found.path if found else ""

    @property
    def kind(self) -> str:
        """What scopes call it."""
        return "scripts" if self.code else "flows"

    @property
    def has_preprocessor(self) -> bool:
        """Whether a webhook's event goes through a preprocessor first."""
        if self.code:
            return self.code.has_preprocessor
        return bool(self.flow and self.flow.value.get("preprocessor_module"))


def flow_by_path(call: Call) -> Runnable:
    """Return the latest version of a flow."""
    path = call.path["path"]
    call.require(Need("jobs", "run", "flows", path))
    found = call.services.catalog.flow(call.workspace, path)
    return Runnable(flow=there(found, f"flow not found at name {path}"))


def flow_by_version(call: Call) -> Runnable:
    """Return one version of a flow."""
    version = version_number(call)
    found = flows.at_version(call.services.database.read(), call.workspace, version)
    return Runnable(flow=there(found, f"flow version not found at name {version}"))


def script_by_path(call: Call) -> Runnable:
    """Return the latest version of a script."""
    path = call.path["path"]
    call.require(Need("jobs", "run", "scripts", path))
    found = call.services.catalog.script(call.workspace, path)
    return Runnable(code=there(found, f"script not found at name {path}"))


def script_by_hash(call: Call) -> Runnable:
    """Return one version of a script."""
    found = call.services.catalog.script_by_hash(call.workspace, call.path["hash"])
    return Runnable(code=there(found, f"script not found at name {call.path['hash']}"))


def submission_of(call: Call, runnable: Runnable) -> Submission:
    """Return the job that a request asks for.

    Raises
    ------
    RequestRefused
        403 if the token's scopes do not cover running it, 400 if the body or the query are not valid.
    """
    call.require(Need("jobs", "run", runnable.kind, runnable.path))
    asked = base_submission(call, runnable)
    if call.method != "POST":
        return replace(asked, args=query_payload(call.query.get("payload")))
    payload = read_payload(call.body, call.headers.get("content-type", ""), keep_raw=call.flag("raw"))
    if runnable.has_preprocessor and not call.flag("skip_preprocessor"):
        return replace(asked, event=webhook_event(payload, call.query, call.headers))
    return replace(asked, args=main_arguments(payload, call.query, call.headers))


def base_submission(call: Call, runnable: Runnable) -> Submission:
    """Return the job without its arguments: the runnable and what the query says of the run."""
    asked = Submission(
        kind="script" if runnable.code else "flow",
        who=call.who,
        args={},
        path=runnable.path,
        code=runnable.code,
        flow=runnable.flow,
        labels=runnable.flow.labels if runnable.flow else (),
    )
    return with_options(call, asked)


def with_options(call: Call, asked: Submission) -> Submission:
    """Return a job with what the query says of it: its id, its time, its place in a tree, its worker."""
    return replace(
        asked,
        job_id=call.chosen_id(),
        scheduled_for=_when(call),
        tag=call.query.get("tag") or asked.tag,
        timeout=call.integer("timeout"),
        parent_job=call.uuid("parent_job"),
        root_job=call.uuid("root_job"),
    )


def _when(call: Call) -> datetime | None:
    instant, seconds = call.instant("scheduled_for"), call.integer("scheduled_in_secs")
    if instant is None and seconds is not None:
        return datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return instant
