"""What keeps the deployed flows of a workspace from running: one finding for each thing that is missing."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.client.listing import all_items
from metaflow_windmill.client.models import Flow
from metaflow_windmill.deploy.listing import deployments
from metaflow_windmill.deploy.ownership import record_in
from metaflow_windmill.errors import DeployError, InvalidDocument, NotFound, WindmillError
from metaflow_windmill.workspace.doctor import Finding
from metaflow_windmill.workspace.doctor_store import is_there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.doctor_server import Site

MOST = 300
"""Flows that are looked at one by one; each costs a handful of requests."""

CREATE = "python flow.py windmill create"
_REFERENCE = re.compile(r"\$(var|res):(\S+)")
_TAIL = 300


@dataclass(frozen=True)
class Deployment:
    """A flow as it is deployed, and its record; the reason where that cannot be read."""

    flow: Flow
    record: Record | InvalidDocument

    @property
    def path(self) -> str:
        """Where it is."""
        return self.flow.path


def find_deployments(site: Site, path: str = "") -> tuple[Deployment, ...]:
    """Return the flows of Metaflow's in a workspace, or the one at a path.

    Raises
    ------
    WindmillError
        `NotFound` for a path without one.
    """
    if not path:
        found = deployments(site.windmill)
        return tuple(Deployment(flow, record) for _, (flow, record) in zip(range(MOST), found, strict=False))
    flow = site.windmill.get_flow(path)
    try:
        record: Record | InvalidDocument | None = record_in(flow.value)
    except InvalidDocument as why:
        record = why
    if record is None:
        raise NotFound(f"{path} is a flow that Metaflow did not deploy")
    return (Deployment(flow, record),)


def flow_findings(site: Site, found: tuple[Deployment, ...]) -> Iterator[Finding]:
    """Yield what is wrong with each flow, and at the end how many are well."""
    well = 0
    for one in found:
        faults = tuple(_faults(site, one))
        yield from faults
        well += not faults
    said = f"{len(found)} deployed, {well} with nothing missing"
    more = f"; only the {MOST} changed last were looked at" if len(found) == MOST else ""
    yield Finding("flows", "ok", said + more)


def archived_findings(site: Site, path: str = "") -> Iterator[Finding]:
    """Yield the deployed flows that somebody has put away."""
    query = {"label": "metaflow", "show_archived": "true", **({"path_exact": path} if path else {})}
    items = all_items(lambda page: site.get(f"/w/{site.workspace}/flows/list", {**query, **page}))
    for flow in map(Flow.from_json, items):
        if flow.archived:
            said = f"{flow.path} is archived: nothing can start it."
            yield Finding("flow", "warn", said, f"Bring it back with `{CREATE}`, or delete it in Windmill.")


def _faults(site: Site, one: Deployment) -> Iterator[Finding]:
    """Yield what is wrong with a flow; what may not be looked at is left out."""
    if isinstance(one.record, InvalidDocument):
        said = f"{one.path}: {one.record}."
        advice = f"Install the version that deployed it, or deploy it with this one: `{CREATE}`."
        yield Finding("flow", "bad", said, advice)
        return
    for look in (_lock_faults, _reference_faults, _tag_faults):
        with suppress(WindmillError):
            yield from look(site, one)
    yield from package_faults(one.path, one.record)


def _lock_faults(site: Site, one: Deployment) -> Iterator[Finding]:
    _, errors = site.windmill.deployment(one.path)
    if errors:
        said = f"{one.path}: the packages of a step cannot be installed: {_last_line(errors)}"
        advice = f"Correct @pypi or --requirements and run `{CREATE}`."
        yield Finding("flow", "bad", said, advice)


def _reference_faults(site: Site, one: Deployment) -> Iterator[Finding]:
    for kind, path in sorted(set(references(one.flow.value))):
        if kind == "var" and not site.windmill.exists("variables", path):
            said = f"{one.path} needs the variable {path}, which is not there."
            yield Finding("flow", "bad", said, f"Run `wmill variable add VALUE {path}`.")
        if kind == "res" and not site.windmill.exists("resources", path):
            said = f"{one.path} needs the resource {path}, which is not there."
            yield Finding("flow", "bad", said, f"Run `wmill resource push FILE {path}`.")


def _tag_faults(site: Site, one: Deployment) -> Iterator[Finding]:
    wanted = set(tags_of(one.flow.value))
    for tag in site.windmill.unserved_tags(wanted) if wanted else ():
        said = f"{one.path} has a step for workers with the tag {tag!r}, and no worker has it."
        yield Finding("flow", "bad", said, tag_advice(tag))


def tag_advice(tag: str) -> str:
    """Return what to do about a tag that nobody serves."""
    return (
        f"Start a worker with WORKER_TAGS={tag}, or add the tag to a group on Windmill's page Workers (an "
        f"embedded server: `metaflow-windmill dev --tags {tag}`); or take another tag and run `{CREATE}`."
    )


def worker_code_findings(site: Site) -> Iterator[Finding]:
    """Yield which flows' code a worker does not see, and at the end how much it sees."""
    found = find_deployments(site)
    faults = [
        fault
        for one in found
        if not isinstance(one.record, InvalidDocument)
        for fault in package_faults(one.path, one.record, at_worker=True)
    ]
    yield from faults
    yield Finding("code of flows", "ok", f"{len(found) - len(faults)} of {len(found)} packages are seen here")


def package_faults(path: str, record: Record, *, at_worker: bool = False) -> Iterator[Finding]:
    """Yield whether the code of a flow is gone from its datastore, as far as this machine sees that."""
    store, url = record.datastore, record.package.url
    if store.type == "local" and not Path(store.root).is_dir():
        said = f"{path} keeps its data at {store.root}, which is not on this machine."
        look = "Look from the workers: `metaflow-windmill doctor --workers`."
        mount = f"Mount it on every worker, or run `{CREATE}` with an object store such as s3."
        yield Finding("flow", "bad" if at_worker else "warn", said, mount if at_worker else look)
        return
    try:
        gone = not is_there(store, url)
    except DeployError:  # the finding on access to the datastore, here or at a worker, says why
        return
    if gone:
        said = f"{path}: its code package is gone from the datastore ({url})."
        yield Finding("flow", "bad", said, f"Run `{CREATE}`, which saves it anew.")


def references(value: Json) -> Iterator[tuple[str, str]]:
    """Yield the variables and resources that a flow's value refers to, as ``var`` or ``res`` and path."""
    if isinstance(value, str):
        match = _REFERENCE.fullmatch(value)
        if match:
            yield match[1], match[2]
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from references(part)


def tags_of(value: Json) -> Iterator[str]:
    """Yield the tags that the steps of a flow's value ask for."""
    if isinstance(value, dict):
        if value.get("type") == "rawscript" and value.get("tag"):
            yield value["tag"]
        for name, part in value.items():
            if name != "flow_env":
                yield from tags_of(part)
    elif isinstance(value, list):
        for part in value:
            yield from tags_of(part)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else "")[-_TAIL:]
