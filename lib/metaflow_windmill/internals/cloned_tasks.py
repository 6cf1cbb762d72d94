"""A task is cloned as by ``python flow.py step --clone-only``, without the flow's file and what it imports.

Metaflow's command line loads the flow first, of which a clone needs the name alone
(``metaflow/clone_util.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.internals.shapes import FlowStore, MetadataProvider

PROVIDERS = frozenset({"local", "service"})
"""Metaflow's own providers of metadata, which ask a flow for its name only."""
SILENT = frozenset({"--event-logger=nullSidecarLogger", "--monitor=nullSidecarMonitor"})
"""The options of a flow that tells nobody of its tasks; other sidecars belong to extensions."""


@dataclass(frozen=True)
class Named:
    """A flow, as far as a provider of metadata looks at it."""

    name: str


def can_clone(provider: str, options: Sequence[str]) -> bool:
    """Tell whether the tasks of a flow can be cloned without its file.

    Parameters
    ----------
    provider : str
        Of metadata.
    options : sequence of str
        Those before ``step``.
    """
    sidecars = {option for option in options if option.startswith(("--event-logger=", "--monitor="))}
    return provider in PROVIDERS and sidecars <= SILENT


def provider_of(flow: str, kind: str, tags: Sequence[str]) -> MetadataProvider:
    """Return a provider of metadata for the tasks of a flow, as Metaflow's command line makes it."""
    from metaflow.event_logger import NullEventLogger
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.monitor import NullMonitor
    from metaflow.plugins import METADATA_PROVIDERS

    named, environment = Named(flow), MetaflowEnvironment(None)
    found = next(each for each in METADATA_PROVIDERS if kind == each.TYPE)
    made = found(
        environment, named, NullEventLogger(flow=named, env=environment), NullMonitor(named, environment)
    )
    made.add_sticky_tags(tags=tags)
    return made  # type: ignore[no-any-return]


def clone_task(
    datastore: FlowStore, provider: MetadataProvider, task: str, origin: str, attempt: int
) -> None:
    """Clone a task.

    Parameters
    ----------
    datastore : FlowDataStore
        Made with the provider.
    provider : MetadataProvider
    task, origin : str
        ``run/step/task``, of the clone and of what it is made from.
    attempt : int
    """
    from metaflow.clone_util import clone_task_helper

    run, step, name = task.split("/")
    origin_run, _, origin_name = origin.split("/")
    clone_task_helper(
        datastore.flow_name,
        origin_run,
        run,
        step,
        origin_name,
        name,
        datastore,
        provider,
        attempt_id=attempt,
    )
