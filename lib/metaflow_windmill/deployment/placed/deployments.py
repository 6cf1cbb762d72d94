"""The deployments of a workspace, found by their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.deployment.placed.ownership import record_in
from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Flow
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import Record


def deployments(
    windmill: Windmill, flow_name: str | None = None
) -> Iterator[tuple[Flow, Record | InvalidDocument]]:
    """Yield the deployed flows with their records, of one flow or of all; what is archived is left out.

    Where this version cannot read the record, the reason stands in its place.
    """
    label = f"flow:{flow_name}" if flow_name else "metaflow"
    for listed in windmill.list_flows(label=label):
        flow = windmill.find_flow(listed.path)
        record: Record | InvalidDocument | None
        try:
            record = record_in(flow.value) if flow else None
        except InvalidDocument as why:
            record = why
        if flow is not None and record is not None and not flow.archived:
            yield flow, record
