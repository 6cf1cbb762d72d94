"""What keeps the deployed flows of a workspace from running: one finding for each thing that is missing."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.client.listing import all_items
from metaflow_windmill.client.models import Flow
from metaflow_windmill.deployment.placed.deployments import deployments
from metaflow_windmill.deployment.placed.ownership import record_in
from metaflow_windmill.errors import DeployError, InvalidDocument, NotFound, WindmillError
from metaflow_windmill.openflow import scripts_in
from metaflow_windmill.workspace.doctor.findings import Finding
from metaflow_windmill.workspace.doctor.store import is_there

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from metaflow_windmill.contract.record import Record, StoreInfo
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.doctor.server_findings import InspectedSite

MOST = 300
"""Flows that are looked at one by one; each costs a handful of requests."""

CREATE = "python flow.py windmill create"
SECONDS = 30.0
"""How long flows are looked at one by one."""

_REFERENCE = re.compile(r"\$(var|res):(\S+)")
_TAIL = 300


@dataclass(frozen=True)
class ListedFlow:
    """A flow as it is deployed, and its record; the reason where that cannot be read."""

    flow: Flow
    record: Record | InvalidDocument

    @property
    def path(self) -> str:
        """Where it is."""
        return self.flow.path


def find_deployments(site: InspectedSite, path: str = "") -> tuple[ListedFlow, ...]:
    """Return the flows of Metaflow's in a workspace, or the one at a path.

    Raises
    ------
    WindmillError
        `NotFound` for a path without one.
    """
    if not path:
        found = deployments(site.windmill)
        return tuple(ListedFlow(flow, record) for _, (flow, record) in zip(range(MOST), found, strict=False))
    flow = site.windmill.get_flow(path)
    try:
        record: Record | InvalidDocument | None = record_in(flow.value)
    except InvalidDocument as why:
        record = why
    if record is None:
        raise NotFound(f"{path} is a flow that Metaflow did not deploy")
    return (ListedFlow(flow, record),)


def flow_findings(
    site: InspectedSite, found: tuple[ListedFlow, ...], store: StoreInfo | None = None
) -> Iterator[Finding]:
    """Yield what is wrong with each flow, and at the end how many are well.

    Parameters
    ----------
    site : InspectedSite
    found : tuple of ListedFlow
    store : StoreInfo, optional
        The datastore that this machine has credentials for.
    """
    looked, well, deadline = 0, 0, time.monotonic() + SECONDS
    away: dict[str, list[str]] = defaultdict(list)
    for looked, one in enumerate(found, 1):  # noqa: B007 (told at the end)
        faults = tuple(_faults(site, one, store))
        yield from faults
        root = _absent_root(one.record)
        away[root] += [one.path] if root else []
        well += not (faults or root)
        if time.monotonic() > deadline:
            break
    yield from _away_findings(away)
    said = f"{len(found)} deployed, {well} with nothing missing"
    partly = looked < len(found) or len(found) == MOST
    more = f"; only the {looked} changed last were looked at, --flow looks at one" if partly else ""
    yield Finding("flows", "ok", said + more)


def archived_findings(site: InspectedSite, path: str = "") -> Iterator[Finding]:
    """Yield the deployed flows that somebody has put away."""
    query = {"label": "metaflow", "show_archived": "true", **({"path_exact": path} if path else {})}
    items = all_items(lambda page: site.get(f"/w/{site.workspace}/flows/list", {**query, **page}))
    for flow in map(Flow.from_json, items):
        if flow.archived:
            said = f"{flow.path} is archived: nothing can start it."
            yield Finding("flow", "warn", said, f"Bring it back with `{CREATE}`, or delete it in Windmill.")


def _faults(site: InspectedSite, one: ListedFlow, store: StoreInfo | None) -> Iterator[Finding]:
    """Yield what is wrong with a flow; what may not be looked at is left out."""
    if isinstance(one.record, InvalidDocument):
        said = f"{one.path}: {one.record}."
        advice = f"Install the version that deployed it, or deploy it with this one: `{CREATE}`."
        yield Finding("flow", "bad", said, advice)
        return
    for look in (_lock_faults, _reference_faults, _tag_faults):
        with suppress(WindmillError):
            yield from look(site, one)
    yield from package_faults(one.path, one.record, store)


def _lock_faults(site: InspectedSite, one: ListedFlow) -> Iterator[Finding]:
    _, errors = site.windmill.deployment(one.path)
    if errors:
        said = f"{one.path}: the packages of a step cannot be installed: {_last_line(errors)}"
        advice = f"Correct @pypi or --requirements and run `{CREATE}`."
        yield Finding("flow", "bad", said, advice)


def _reference_faults(site: InspectedSite, one: ListedFlow) -> Iterator[Finding]:
    for kind, path in sorted(set(references(one.flow.value))):
        if kind == "var" and not site.windmill.exists("variables", path):
            said = f"{one.path} needs the variable {path}, which is not there."
            yield Finding("flow", "bad", said, f"Run `wmill variable add VALUE {path}`.")
        if kind == "res" and not site.windmill.exists("resources", path):
            said = f"{one.path} needs the resource {path}, which is not there."
            yield Finding("flow", "bad", said, f"Run `wmill resource push FILE {path}`.")


def _tag_faults(site: InspectedSite, one: ListedFlow) -> Iterator[Finding]:
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


def _away_findings(away: Mapping[str, Sequence[str]], *, at_worker: bool = False) -> Iterator[Finding]:
    """Yield a line for each local datastore that is not on this machine, however many flows use it."""
    for root, paths in away.items():
        if paths:
            others = f" (so do {len(paths) - 1} more)" if len(paths) > 1 else ""
            said = f"{paths[0]} keeps its data at {root}{others}, which is not on this machine."
            look = "Look from the workers: `metaflow-windmill doctor --workers`."
            mount = f"Mount it on every worker, or run `{CREATE}` with an object store such as s3."
            yield Finding("flow", "bad" if at_worker else "warn", said, mount if at_worker else look)


def _absent_root(record: Record | InvalidDocument) -> str:
    """Return the local datastore of a flow if it is not on this machine."""
    if isinstance(record, InvalidDocument) or record.datastore.type != "local":
        return ""
    return "" if Path(record.datastore.root).is_dir() else record.datastore.root


def worker_code_findings(found: Sequence[ListedFlow], store: StoreInfo | None) -> Iterator[Finding]:
    """Yield which flows' code a worker does not see, and at the end how much it sees."""
    away: dict[str, list[str]] = defaultdict(list)
    gone: list[Finding] = []
    for one in found:
        root = _absent_root(one.record)
        away[root] += [one.path] if root else []
        if not isinstance(one.record, InvalidDocument):
            gone += package_faults(one.path, one.record, store)
    yield from gone
    yield from _away_findings(away, at_worker=True)
    missing = len(gone) + sum(map(len, away.values()))
    yield Finding("code of flows", "ok", f"all here for {len(found) - missing} of {len(found)} flows")


def package_faults(path: str, record: Record, here: StoreInfo | None = None) -> Iterator[Finding]:
    """Yield whether the code of a flow is gone from its datastore, as far as this machine sees that.

    An object store is asked only if it is the one that this machine is set up for, `here`: for others it has
    no credentials, and would try for long.
    """
    store, url = record.datastore, record.package.url
    if _absent_root(record) or (store.type != "local" and store != here):
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
    yield from (step["tag"] for step in scripts_in(value) if step.get("tag"))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else "")[-_TAIL:]
