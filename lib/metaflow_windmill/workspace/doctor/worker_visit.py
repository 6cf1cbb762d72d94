"""The doctor's visit to a worker: the work of ``f/metaflow/doctor``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.deployment.described.names import DEFAULT_FOLDER
from metaflow_windmill.errors import DeployError, WindmillError
from metaflow_windmill.process.confined import weakness
from metaflow_windmill.workspace.compiling.configuration import Configuration
from metaflow_windmill.workspace.doctor.findings import Finding, as_result
from metaflow_windmill.workspace.doctor.flow_findings import find_deployments, worker_code_findings
from metaflow_windmill.workspace.doctor.machine import (
    TOOLS,
    disk_finding,
    isolation_finding,
    machine_findings,
    tool_finding,
    tool_version,
    versions,
)
from metaflow_windmill.workspace.doctor.pythons import python_findings, pythons_here
from metaflow_windmill.workspace.doctor.server_findings import (
    InspectedSite,
    host_findings,
    site_findings,
    told,
)
from metaflow_windmill.workspace.doctor.store import Probe, access_finding, give_up_early, shared_finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow_windmill.contract.record import StoreInfo
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.script_job import ScriptJob

MEGABYTE = 1024 * 1024


def visit(
    job: ScriptJob, *, datastore: str, root: str, folder: str, version: str, probe: Mapping[str, str]
) -> dict[str, Json]:
    """Look at everything from inside a job; return the job's result.

    Parameters
    ----------
    job : ScriptJob
    datastore, root : str
        Where flows keep their data; empty for what the job's environment says.
    folder : str
        Where flows are deployed; empty for the default.
    version : str
        Of metaflow-windmill on the machine that asks; empty for nobody.
    probe : mapping of str to str
        ``name`` and ``text`` of what that machine left in the datastore; empty for nothing.
    """
    give_up_early()
    site = InspectedSite(job.transport, job.base_url, job.windmill.workspace, folder or DEFAULT_FOLDER)
    worker, tag = _place(site)
    findings = [
        Finding(
            "worker", "ok", f"{worker}, tag {tag}, group {os.environ.get('WM_WORKER_GROUP') or 'unknown'}"
        ),
        *machine_findings(versions(), version),
        *(tool_finding(name, tool_version(name)) for name in TOOLS),
        isolation_finding(weakness()),
        disk_finding(str(Path.cwd()), shutil.disk_usage(".").free / MEGABYTE),
        *host_findings(job.transport, job.base_url),
        *site_findings(site),
        *store_findings(datastore, root, probe),
        *told("code of flows", lambda: _flow_findings(site, _store_of(datastore, root))),
    ]
    return as_result(worker, tag, findings)


def _flow_findings(site: InspectedSite, store: StoreInfo | None) -> Iterator[Finding]:
    """Yield whether this worker has what the deployed flows need: their Pythons, their code."""
    found = find_deployments(site)
    yield from python_findings(((one.path, one.flow.value) for one in found), pythons_here())
    yield from worker_code_findings(found, store)


def _store_of(datastore: str, root: str) -> StoreInfo | None:
    try:
        return _read_store(datastore, root)
    except DeployError:
        return None


def _read_store(datastore: str, root: str) -> StoreInfo:
    from metaflow_windmill.workspace.compiling.stores import stores_for

    return stores_for(Configuration(url="", datastore=datastore, datastore_root=root)).datastore


def store_findings(datastore: str, root: str, probe: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether this worker writes and reads the datastore, and sees what was left there for it."""
    try:
        store = _read_store(datastore, root)
    except DeployError as why:
        yield Finding(
            "datastore",
            "warn",
            f"{why}",
            "Deployed flows bring their own; to look at it from here, give this job its type and root.",
        )
        return
    yield Finding("datastore", "ok", f"{store.type} at {store.root}")
    yield access_finding(store)
    if probe:
        yield shared_finding(store, Probe(str(probe["name"]), str(probe["text"])))


def _place(site: InspectedSite) -> tuple[str, str]:
    """Return the worker that runs this job, and the tag that brought the job there."""
    job_id = os.environ.get("WM_JOB_ID", "")
    try:
        found = site.get(f"/w/{site.workspace}/jobs_u/get/{job_id}", {"no_logs": "true", "no_code": "true"})
    except WindmillError:
        return "unknown", "unknown"
    return str(found.get("worker") or "unknown"), str(found.get("tag") or "unknown")
