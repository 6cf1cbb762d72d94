"""The calls of Windmill's REST API that this project makes, each with its types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from metaflow_windmill.client.calls import Calls
from metaflow_windmill.client.listing import PAGE, all_items
from metaflow_windmill.client.models import Flow, FlowVersion, Job, JobOutcome, User, instant
from metaflow_windmill.client.transport import Request, end_connections
from metaflow_windmill.errors import NotFound, Refused, Unauthorized, WindmillError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from metaflow_windmill.client.resource_client import Resources
    from metaflow_windmill.client.schedule_client import Schedules
    from metaflow_windmill.client.transport import Transport
    from metaflow_windmill.types import Json

VERSIONS = 100
"""Versions of a flow in a page of its history."""


class Windmill(Calls):
    """A workspace of a Windmill server.

    Parameters
    ----------
    transport : Transport
    workspace : str

    Raises
    ------
    WindmillError
        From each method: `Unreachable` without an answer, else the member of the tree that
        fits the status of the answer.
    """

    @property
    def transport(self) -> Transport:
        """What carries the requests, for calls that this class does not have."""
        return self._transport

    def close(self) -> None:
        """End the connections that are kept open for the next request."""
        end_connections(self._transport)

    @property
    def resources(self) -> Resources:
        """The resources of the workspace."""
        from metaflow_windmill.client.resource_client import Resources

        return Resources(self._transport, self.workspace)

    @property
    def schedules(self) -> Schedules:
        """The schedules of the workspace."""
        from metaflow_windmill.client.schedule_client import Schedules

        return Schedules(self._transport, self.workspace)

    # -- server, users and workspaces

    def version(self) -> str:
        """Return the edition and version of the server, such as ``CE v1.788.0``."""
        return self._answer(Request("GET", "/version")).text.strip()

    def whoami(self) -> User:
        """Return whom the token belongs to, in the workspace."""
        return User.from_json(self._get("users/whoami"))

    def members(self) -> frozenset[str]:
        """Return the names of the workspace's users; none where that is not told."""
        try:
            return frozenset(self._get("users/list_usernames"))
        except WindmillError:
            return frozenset()

    def token_is_known(self) -> bool:
        """Tell whether the server knows the token in any workspace; not so of one that is bound to one."""
        return self._transport.send(Request("GET", "/users/whoami")).status == 200  # noqa: PLR2004

    def workspace_exists(self) -> bool:
        """Tell whether the workspace exists; a superadmin's token passes in any name."""
        request = Request("POST", "/workspaces/exists", body={"id": self.workspace}, repeatable=True)
        return self._answer(request).json(request) is True

    # -- folders

    def exists(self, kind: Literal["variables", "resources"], path: str) -> bool:
        """Tell whether a variable or a resource is at a path, and may be read."""
        return self._get(f"{kind}/exists/{quote(path)}") is True

    def folder_exists(self, name: str) -> bool:
        """Tell whether a folder, given by its bare name, exists."""
        return self._get(f"folders/exists/{quote(name)}") is True

    def create_folder(self, name: str) -> None:
        """Make a folder that the user owns."""
        self._post("folders/create", {"name": name}, creates=True)

    # -- flows

    def flow_exists(self, path: str) -> bool:
        """Tell whether there is a flow, archived or not."""
        return self._get(f"flows/exists/{quote(path)}") is True

    def get_flow(self, path: str) -> Flow:
        """Return the flow as it is deployed now; `NotFound` if there is none."""
        return Flow.from_json(self._get(f"flows/get/{quote(path)}"))

    def find_flow(self, path: str) -> Flow | None:
        """Return the flow, or None if there is none."""
        try:
            return self.get_flow(path)
        except NotFound:
            return None

    def list_flows(self, *, label: str = "", path_start: str = "") -> Iterator[Flow]:
        """Yield the flows with a label, below a path; they come without their values."""
        query = _query(label=label, path_start=path_start)
        items = all_items(lambda page: self._get("flows/list", {**query, **page}))
        return (Flow.from_json(item) for item in items if not item.get("draft_only"))

    def create_flow(self, document: Json) -> None:
        """Deploy a new flow; `Conflict` if its path is taken."""
        self._post("flows/create", document, creates=True, done=lambda: self._has(document, None))

    def update_flow(self, document: Json, after: int | None = None) -> None:
        """Deploy a new version of the flow at the document's path, which follows the version `after`."""
        done = None if after is None else lambda: self._has(document, after)
        self._post(f"flows/update/{quote(document['path'])}", document, done=done)

    def _has(self, document: Json, after: int | None) -> bool:
        """Tell whether a document is what is deployed, by a version other than `after`."""
        found = self.find_flow(document["path"])
        if found is None or found.archived or found.version == after:
            return False
        wanted, there = document["value"], found.value
        # Not the modules: a worker adds to them what it found their packages to be.
        return bool(found.summary == document["summary"] and there.get("flow_env") == wanted.get("flow_env"))

    def archive_flow(self, path: str, *, archived: bool) -> None:
        """Put a flow away, or bring it back."""
        self._post(f"flows/archive/{quote(path)}", {"archived": archived})

    def delete_flow(self, path: str) -> None:
        """Delete a flow with its history; no error if there is none."""
        self._answer(Request("DELETE", self._path(f"flows/delete/{quote(path)}")))

    def flow_history(self, path: str) -> tuple[FlowVersion, ...]:
        """Return the versions of a flow, newest first.

        Newer servers give them in pages; 1.788 knows no pages and gives all of them each time.
        """
        found: dict[int, FlowVersion] = {}
        page = 1
        while True:
            query = {"page": str(page), "per_page": str(VERSIONS)}
            items = self._get(f"flows/history/p/{quote(path)}", query)
            new = {item["id"]: FlowVersion.from_json(item) for item in items if item["id"] not in found}
            found |= new
            if len(items) < VERSIONS or not new:
                return tuple(found.values())
            page += 1

    def get_flow_version(self, version: int) -> Flow:
        """Return a flow as a version of it was deployed."""
        return Flow.from_json({"version_id": version, **self._get(f"flows/get/v/{version}")})

    def script_deployment(self, hash_: str) -> dict[str, Json]:
        """Return the lock of a version of a script, its errors, and the job that makes it."""
        found: dict[str, Json] = self._get(f"scripts/deployment_status/h/{hash_}")
        return found

    def deployment(self, path: str) -> tuple[str | None, str]:
        """Return the job that prepares the newest version (or None) and its errors (or nothing)."""
        status = self._get(f"flows/deployment_status/p/{quote(path)}")
        return status.get("job_id"), status.get("lock_error_logs") or ""

    # -- runs and jobs

    def run_flow(self, path: str, args: Mapping[str, Json], job_id: str) -> str:
        """Run the newest version of a flow under a job id that the caller chose.

        A real server remembers the newest version of a path for some seconds, so what is started by path
        just after a deployment may be the version before. So the newest version is asked for, and that
        one is started. By path go a token that may run flows and not read them, and servers before 1.576.

        Returns
        -------
        str
            The job id. The same one sent twice, by a retry, is one run.

        Raises
        ------
        NotFound
            If there is no such flow.
        Conflict
            If there is a job of that id.
        """
        try:
            version = self.get_flow(path).version
        except Unauthorized:
            version = None
        if version is None:
            return self._run(f"f/{quote(path)}", args, job_id)
        return self.run_flow_version(path, version, args, job_id)

    def run_flow_version(self, path: str, version: int, args: Mapping[str, Json], job_id: str) -> str:
        """Run one version of a flow, as `run_flow` does; the newest one where the server cannot."""
        try:
            return self._run(f"fv/{version}", args, job_id)
        except NotFound:
            return self._run(f"f/{quote(path)}", args, job_id)

    def run_script(
        self, path: str, args: Mapping[str, Json], job_id: str, query: Mapping[str, str] | None = None
    ) -> str:
        """Run the newest version of a script under a job id that the caller chose, as `run_flow` does."""
        try:
            hash_ = self._get(f"scripts/get/p/{quote(path)}")["hash"]
        except Unauthorized:
            return self._run(f"p/{quote(path)}", args, job_id, query)
        return self._run(f"h/{quote(hash_)}", args, job_id, query)

    def _run(
        self, what: str, args: Mapping[str, Json], job_id: str, query: Mapping[str, str] | None = None
    ) -> str:
        chosen = {"job_id": job_id, "skip_preprocessor": "true", **(query or {})}
        request = Request("POST", self._path(f"jobs/run/{what}"), chosen, dict(args), repeatable=True)
        self._answer(request, creates=True)
        return job_id

    def get_job(self, job_id: str) -> Job:
        """Return a job with its arguments, result and flow status, without its code and logs."""
        query = {"no_logs": "true", "no_code": "true"}
        return Job.from_json(self._get(f"jobs_u/get/{quote(job_id)}", query))

    def list_jobs(self, **filters: str | float | bool | None) -> tuple[Job, ...]:
        """Return jobs, newest first, by the filters of ``jobs/list``; None leaves a filter out."""
        return self._jobs("jobs/list", filters)

    def list_runs(self, path: str, **filters: str | float | bool | None) -> Iterator[Job]:
        """Yield the runs of a flow, what began last first, by further filters of ``jobs/list``.

        A run whose time has not come is none yet: Windmill keeps the next run of each schedule in its queue,
        made when the one before began. So it lists a scheduled run by an old date, and the run is put in its
        place among the `PAGE` runs around it.
        """
        seen: set[str] = set()
        before: str | None = None
        while True:
            # The union of queued and completed jobs has no pages; it is read on from its oldest job.
            jobs = self.list_jobs(
                script_path_exact=path,
                job_kinds="flow",
                per_page=PAGE,
                created_before=before,
                scheduled_for_before_now=True,
                **filters,
            )
            new = [job for job in jobs if job.id not in seen]
            yield from sorted(new, key=lambda job: f"{job.due_at}", reverse=True)
            if len(jobs) < PAGE or not new:
                return
            seen |= {job.id for job in new}
            before = min(instant(job.created_at) for job in jobs if job.created_at)

    def list_completed_jobs(self, **filters: str | float | bool | None) -> tuple[Job, ...]:
        """Return jobs that are over, by the filters of ``jobs/completed/list``."""
        return self._jobs("jobs/completed/list", filters)

    def list_queued_jobs(self, **filters: str | float | bool | None) -> tuple[Job, ...]:
        """Return jobs that wait or run, by the filters of ``jobs/queue/list``."""
        return self._jobs("jobs/queue/list", filters)

    def outcome(self, job_id: str) -> JobOutcome:
        """Return what is known of the end of a job; it is not completed if there is no such job."""
        data = self._get(f"jobs_u/completed/get_result_maybe/{quote(job_id)}")
        return JobOutcome(bool(data.get("completed")), bool(data.get("success")), data.get("result"))

    def job_logs(self, job_id: str) -> str:
        """Return the whole log of a job."""
        return self._answer(Request("GET", self._path(f"jobs_u/get_logs/{quote(job_id)}"))).text

    def log_update(self, job_id: str, offset: int) -> tuple[str, int]:
        """Return what a job logged after an offset, and the next offset."""
        query = {"running": "true", "log_offset": str(offset)}
        data = self._get(f"jobs_u/getupdate/{quote(job_id)}", query)
        return data.get("new_logs") or "", data.get("log_offset") or offset

    def unserved_tags(self, tags: Iterable[str]) -> tuple[str, ...]:
        """Return those tags whose jobs no living worker takes; none where Windmill does not tell."""
        query = {"tags": ",".join(sorted(set(tags))), "workspace": self.workspace}
        request = Request("GET", "/workers/exists_workers_with_tags", query)
        try:
            told: dict[str, bool] = self._answer(request).json(request)
        except (NotFound, Refused, Unauthorized):
            return ()
        return tuple(tag for tag, served in sorted(told.items()) if not served)

    def root_of(self, job_id: str) -> str:
        """Return the id of the run that a job is a part of."""
        return str(self._get(f"jobs_u/get_root_job_id/{quote(job_id)}"))

    def approval_info(self, job_id: str) -> dict[str, Json]:
        """Return what a flow that waits asks people."""
        info: dict[str, Json] = self._get(f"jobs_u/flow/approval_info/{quote(job_id)}")
        return info

    def resume_suspended(self, job_id: str, payload: Json, *, approved: bool) -> None:
        """Answer a flow that waits, as the token's user."""
        body = {"payload": payload, "approved": approved}
        self._post(f"jobs_u/flow/resume_suspended/{quote(job_id)}", body)

    def cancel_job(self, job_id: str, reason: str) -> None:
        """Stop a job and all of its parts; no error if it is over."""
        self._post(f"jobs_u/queue/cancel/{quote(job_id)}", {"reason": reason})

    def run_now(self, job_id: str) -> bool:
        """Start a job that waits for its time; False where the server has no way to, as before 1.820.

        Raises
        ------
        Refused
            If it does not wait for one.
        """
        try:
            self._post(f"jobs/queue/run_now/{quote(job_id)}", None)
        except NotFound:
            return False
        return True

    def worker_is_draining(self, job_id: str) -> bool:
        """Tell whether the worker that runs a job is about to end; `NotFound` from servers before 1.830."""
        return self._get(f"jobs/worker_is_draining/{quote(job_id)}") is True

    def _jobs(self, tail: str, filters: Mapping[str, str | float | bool | None]) -> tuple[Job, ...]:
        return tuple(map(Job.from_json, self._get(tail, _query(**filters))))


def _query(**filters: str | float | bool | None) -> dict[str, str]:
    return {name: _word(value) for name, value in filters.items() if value not in (None, "")}


def _word(value: str | float | bool | None) -> str:  # noqa: FBT001
    return str(value).lower() if isinstance(value, bool) else str(value)
