"""What the compiler takes besides the graph, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.openflow import FlowValue
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Deployment:
    """All that the compiler needs to know and the graph does not say.

    Parameters
    ----------
    path : str
        Where the flow is to stand in the workspace.
    record : Record
        What the deployed flow says of itself.
    script : str
        The code of every step.
    lock : str
        Its pinned requirements, one a line.
    schema : mapping
        The JSON schema of the flow's parameters.
    summary : str
        One line for the flow's page; the flow's name where empty.
    labels : tuple of str
    max_workers : int or None
        The most tasks of one foreach at a time; None for as many as there are workers.
    max_splits : int or None
        The most splits that a foreach may make; None for any number.
    tag : str or None
        The kind of worker that the steps want.
    """

    path: str
    record: Record
    script: str
    lock: str
    schema: Mapping[str, Json]
    summary: str = ""
    labels: tuple[str, ...] = ()
    max_workers: int | None = None
    max_splits: int | None = None
    tag: str | None = None


@dataclass(frozen=True)
class Document:
    """A compiled flow, ready to be deployed."""

    path: str
    summary: str
    description: str
    value: FlowValue
    schema: Mapping[str, Json]
    labels: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return the body of the request that creates the flow."""
        return {
            "path": self.path,
            "summary": self.summary,
            "description": self.description,
            "value": self.value.to_json(),
            "schema": dict(self.schema),
            "labels": list(self.labels),
        }
