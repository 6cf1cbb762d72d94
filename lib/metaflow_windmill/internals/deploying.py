"""A flow as Metaflow's command line holds it: its state, its decorators and its parameters.

Metaflow's own orchestrators read the same names (``metaflow/plugins/argo/argo_workflows_cli.py``).
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from metaflow.decorators import FlowDecorator

    from metaflow_windmill.internals.shapes import (
        FlowStore,
        MetadataProvider,
        MetaflowEnvironment,
        MetaflowFlow,
        MetaflowGraph,
        MetaflowParameter,
        Sidecar,
    )


class CliState(Protocol):
    """``ctx.obj`` of Metaflow's command line (``metaflow/cli.py``), and what this project puts beside it."""

    flow: MetaflowFlow
    graph: MetaflowGraph
    environment: MetaflowEnvironment
    flow_datastore: FlowStore
    metadata: MetadataProvider
    event_logger: Sidecar
    monitor: Sidecar
    logger: Callable[..., None]
    package_suffixes: Sequence[str]
    tl_decospecs: Sequence[str]
    pylint: bool
    is_quiet: bool
    check: Callable[..., None]
    echo: Callable[..., None]
    windmill: Any


def flow_decorators(flow: MetaflowFlow) -> list[FlowDecorator]:
    """Return the decorators of a flow, in their order."""
    return [decorator for decorators in flow._flow_decorators.values() for decorator in decorators]


def flow_decorators_called(flow: MetaflowFlow, name: str) -> list[FlowDecorator]:
    """Return the decorators of a flow that have a name, such as ``schedule``."""
    return list(flow._flow_decorators.get(name) or ())


def decorators_by_name(flow: MetaflowFlow) -> Mapping[str, Sequence[FlowDecorator]]:
    """Return the decorators of a flow by their names."""
    return {name: list(decorators) for name, decorators in flow._flow_decorators.items()}


def parameters_of(flow: MetaflowFlow) -> Iterator[tuple[str, MetaflowParameter]]:
    """Yield the attribute and the ``Parameter`` of each, without those of configs."""
    return ((name, item) for name, item in flow._get_parameters() if not item.IS_CONFIG_PARAMETER)


def configs_of(flow: MetaflowFlow) -> list[str]:
    """Return the names of a flow's configs."""
    return [item.name for _, item in flow._get_parameters() if item.IS_CONFIG_PARAMETER]


def config_values(flow: MetaflowFlow) -> dict[str, Any]:
    """Return the values of a flow's configs by their names, as texts and what JSON can hold."""
    from metaflow.flowspec import FlowStateItems
    from metaflow.util import to_pod

    return dict(to_pod(dict(flow._flow_state[FlowStateItems.CONFIGS])))


def kept_for_metaflow(flow: MetaflowFlow) -> Iterator[str]:
    """Yield the attributes in which Metaflow sees no parameter."""
    return iter(flow._NON_PARAMETERS)


@dataclass(frozen=True)
class PackageSource:
    """One source of ``@package_sources``.

    Parameters
    ----------
    written : str
        As the flow names it.
    name : str or None
        Its name in the code package, where the flow says one.
    path : Path
        Where it is; links are not followed.
    """

    written: str
    name: str | None
    path: Path


def package_sources_of(flow: MetaflowFlow) -> list[PackageSource]:
    """Return what ``@package_sources`` takes into a flow's code package; nothing before Metaflow 2.19.39."""
    return [
        PackageSource(source, name, Path(inspect.getfile(mutator._flow_cls)).absolute().parent / source)
        for mutator in _taking_sources(flow)
        for source, name in mutator._sources
    ]


def files_of_package_sources(flow: MetaflowFlow) -> dict[str, Path]:
    """Return the files of ``@package_sources`` by their names in the code package."""
    taken = (row for mutator in _taking_sources(flow) for row in mutator.add_to_package())
    return {name: Path(path) for path, name, _ in taken}


def _taking_sources(flow: MetaflowFlow) -> list[Any]:
    import metaflow

    kind = getattr(metaflow, "package_sources", None)
    return [] if kind is None else [item for item in flow._flow_mutators if isinstance(item, kind)]


def finds_case(graph: MetaflowGraph, switch: str, steps: Sequence[str]) -> bool:
    """Tell whether a join would know, from the steps that it reads, which case of a switch was chosen.

    No released Metaflow has this, and not every branch of it that reads such cases.
    """
    from metaflow import task

    find = getattr(task, "_switch_case_targets_for_input_steps", None)
    return find is not None and find(graph, graph[switch], list(steps)) == list(steps)


def attach(obj: CliState, name: str) -> None:
    """Attach a step decorator to all steps of a flow that is loaded already, and let it take effect."""
    from metaflow import decorators

    decorators._attach_decorators(obj.flow, [name])
    decorators._process_late_attached_decorator(
        [name], obj.flow, obj.graph, obj.environment, obj.flow_datastore, obj.logger
    )
    obj.graph = obj.flow._graph
