"""Finds the flows that earlier runs deployed from a repository and that are gone from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metaflow_windmill.deploy.ownership import record_in
from metaflow_windmill.deploy.subscription import remove_subscription
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
) -> Iterator[tuple[Flow, Record]]:
    """Yield deployed flows that came from this repository and branch and are no longer in it.

    A flow is gone if its file is gone, or no longer has a class of its name. A flow that is there
    but was not asked for, or does not compile, is not gone.
    """
    for item in windmill.list_flows(label=LABEL, path_start=f"{folder}/"):
        flow = windmill.find_flow(item.path)
        record = None if flow is None else _record(flow)
        if flow is None or record is None or record.git is None or not flow.path.startswith(f"{folder}/"):
            continue
        ours = same_repository(record.git.repository, repository) and record.git.ref == checkout.head.ref
        if ours and not _is_there(record, checkout):
            yield flow, record


def remove(windmill: Windmill, path: str) -> None:
    """Delete a flow, its schedule and what starts it."""
    windmill.delete_schedule(path)
    remove_subscription(windmill, path)
    windmill.delete_flow(path)


def same_repository(one: str, other: str) -> bool:
    """Return whether two addresses mean one repository: with or without ``.git`` and a final slash."""
    return _plain(one) == _plain(other)


def _plain(url: str) -> str:
    return url.rstrip("/").removesuffix(".git").rstrip("/")


def _record(flow: Flow) -> Record | None:
    try:
        return record_in(flow.value)
    except InvalidDocument:
        return None


def _is_there(record: Record, checkout: Checkout) -> bool:
    path = record.git.path if record.git else ""
    if path not in checkout.files:
        return False
    text = (checkout.root / path).read_text(encoding="utf-8", errors="replace")
    return re.search(rf"^class\s+{re.escape(record.flow)}\b", text, re.MULTILINE) is not None
