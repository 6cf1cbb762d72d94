"""Finds the flows that earlier runs deployed from a repository and that are gone from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metaflow_windmill.deployment.placed.ownership import record_in
from metaflow_windmill.deployment.placed.subscription import remove_subscription
from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Flow
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.gitsource import Checkout

LABEL = "metaflow"


def gone_flows(
    windmill: Windmill, folder: str, repository: str, checkout: Checkout
) -> Iterator[tuple[Flow, Record | InvalidDocument]]:
    """Yield deployed flows that came from this repository and branch and are no longer in it.

    A flow is gone if its file is gone, or no longer has a class of its name. A flow that is there
    but was not asked for, or does not compile, is not gone. Where this version cannot read where a
    flow came from, the reason stands in the record's place.
    """
    for item in windmill.list_flows(label=LABEL, path_start=f"{folder}/"):
        flow = windmill.find_flow(item.path) if item.path.startswith(f"{folder}/") else None
        record = None if flow is None else _record(flow)
        if flow is not None and record is not None and _concerns(record, repository, checkout):
            yield flow, record


def _concerns(record: Record | InvalidDocument, repository: str, checkout: Checkout) -> bool:
    if isinstance(record, InvalidDocument):
        return True
    git = record.git
    if git is None or not same_repository(git.repository, repository) or git.ref != checkout.head.ref:
        return False
    return not _is_there(record, checkout)


def remove(windmill: Windmill, path: str) -> None:
    """Delete a flow, its schedule and what starts it."""
    windmill.schedules.delete(path)
    remove_subscription(windmill, path)
    windmill.delete_flow(path)


def same_repository(one: str, other: str) -> bool:
    """Return whether two addresses mean one repository: with or without ``.git`` and a final slash."""
    return _plain(one) == _plain(other)


def _plain(url: str) -> str:
    return url.rstrip("/").removesuffix(".git").rstrip("/")


def _record(flow: Flow) -> Record | InvalidDocument | None:
    try:
        return record_in(flow.value)
    except InvalidDocument as why:
        return why


def _is_there(record: Record, checkout: Checkout) -> bool:
    path = record.git.path if record.git else ""
    if path not in checkout.files:
        return False
    text = (checkout.root / path).read_text(encoding="utf-8", errors="replace")
    return re.search(rf"^class\s+{re.escape(record.flow)}\b", text, re.MULTILINE) is not None
