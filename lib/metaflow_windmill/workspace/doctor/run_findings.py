"""Why a flow does not run, or would not: everything between a trigger and a worker, in its order."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.client.models import moment
from metaflow_windmill.errors import WindmillError
from metaflow_windmill.workspace.doctor.findings import Finding
from metaflow_windmill.workspace.doctor.flow_findings import (
    archived_findings,
    find_deployments,
    flow_findings,
)
from metaflow_windmill.workspace.doctor.queue_findings import (
    approval_findings,
    limit_findings,
    queue_findings,
    worker_findings,
)
from metaflow_windmill.workspace.doctor.schedule_findings import orphan_findings, schedule_findings
from metaflow_windmill.workspace.doctor.server_findings import sentence, told
from metaflow_windmill.workspace.doctor.sync import folder_findings, sync_findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow_windmill.contract.record import StoreInfo
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.doctor.server_findings import InspectedSite

_SOON = timedelta(days=7)
_RUNS = "jobs:run:flows:"


def run_findings(
    site: InspectedSite, path: str = "", folder: Path | None = None, store: StoreInfo | None = None
) -> Iterator[Finding]:
    """Yield whatever keeps deployed flows from running.

    Parameters
    ----------
    site : InspectedSite
    path : str
        Of the one flow to look at; empty for all.
    folder : Path, optional
        Where ``wmill sync push`` may be run from; the current directory if not given.
    store : StoreInfo, optional
        The datastore that this machine is set up for.
    """
    try:
        found = find_deployments(site, path)
    except WindmillError as why:
        advice = "Deploy it with `python flow.py windmill create`, or leave out --flow to look at all."
        yield Finding("flows", "bad", sentence(why), advice)
        return
    paths = [one.path for one in found]
    yield from told("workers alive", lambda: worker_findings(site))
    yield from told("queue", lambda: (*queue_findings(site, path), *approval_findings(site, path)))
    yield from told("queue", lambda: limit_findings(site, found))
    yield from told("flows", lambda: (*flow_findings(site, found, store), *archived_findings(site, path)))
    yield from told("schedules", lambda: schedule_findings(site, found))
    if not path:
        yield from told("schedules", lambda: orphan_findings(site))
    yield from told("webhooks", lambda: webhook_findings(_tokens(site), paths))
    yield from told("git sync", lambda: sync_findings(site, paths))
    yield from folder_findings(folder or Path.cwd(), paths)


def webhook_findings(tokens: Json, paths: Iterable[str], now: datetime | None = None) -> Iterator[Finding]:
    """Yield the tokens of webhooks for these flows that have ended or will soon."""
    today = now or datetime.now(timezone.utc)
    there = set(paths)
    for token in tokens:
        ends = moment(token.get("expiration"))
        scopes = [scope for scope in token.get("scopes") or [] if scope.startswith(_RUNS)]
        starts = sorted({scope.removeprefix(_RUNS) for scope in scopes} & there)
        if starts and ends is not None and ends - today < _SOON:
            over = ends <= today
            said = (
                f"The token {token['token_prefix']}... ({token.get('label') or 'no label'}) that starts "
                f"{', '.join(starts)} {'ended' if over else 'ends'} on {ends:%Y-%m-%d}."
            )
            advice = (
                "Make another one on the flow's page, under Webhooks (or run `wmill token create`), and give "
                "it to whoever calls it."
            )
            yield Finding("webhooks", "bad" if over else "warn", said, advice)


def _tokens(site: InspectedSite) -> Json:
    return site.get("/users/tokens/list")
