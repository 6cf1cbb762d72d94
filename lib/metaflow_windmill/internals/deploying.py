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


class CliState(Protocol):
    """``ctx.obj`` of Metaflow's command line (``metaflow/cli.py``), and what this project puts beside it.

    What its members are is Metaflow's own affair, which has no types; that they are there is tested.
    """

    flow: Any
    graph: Any
    environment: Any
    flow_datastore: Any
    metadata: Any
    event_logger: Any
    monitor: Any
    logger: Any
    package_suffixes: Any
    tl_decospecs: Sequence[str]
    pylint: bool
    is_quiet: bool
    check: Callable[..., None]
    echo: Callable[..., None]
    windmill: Any


def flow_decorators(flow: Any) -> list[FlowDecorator]:  # noqa: ANN401  (a FlowSpec)
    """Return the decorators of a flow, in their order."""
    return [decorator for decorators in flow._flow_decorators.values() for decorator in decorators]  # noqa: SLF001


def flow_decorators_called(flow: Any, name: str) -> list[FlowDecorator]:  # noqa: ANN401  (a FlowSpec)
    """Return the decorators of a flow that have a name, such as ``schedule``."""
    return list(flow._flow_decorators.get(name) or ())  # noqa: SLF001


def decorators_by_name(flow: Any) -> Mapping[str, Sequence[FlowDecorator]]:  # noqa: ANN401  (a FlowSpec)
    """Return the decorators of a flow by their names."""
    return {name: list(decorators) for name, decorators in flow._flow_decorators.items()}  # noqa: SLF001


def parameters_of(flow: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  (a FlowSpec)
    """Yield the attribute and the ``Parameter`` of each, without those of configs."""
    return ((name, item) for name, item in flow._get_parameters() if not item.IS_CONFIG_PARAMETER)  # noqa: SLF001


def configs_of(flow: Any) -> list[str]:  # noqa: ANN401  (a FlowSpec)
    """Return the names of a flow's configs."""
    return [item.name for _, item in flow._get_parameters() if item.IS_CONFIG_PARAMETER]  # noqa: SLF001


def config_values(flow: Any) -> dict[str, Any]:  # noqa: ANN401  (a FlowSpec)
    """Return the values of a flow's configs by their names, as texts and what JSON can hold."""
    from metaflow.flowspec import FlowStateItems
    from metaflow.util import to_pod

    return dict(to_pod(dict(flow._flow_state[FlowStateItems.CONFIGS])))  # noqa: SLF001


def kept_for_metaflow(flow: Any) -> Iterator[str]:  # noqa: ANN401  (a FlowSpec)
    """Yield the attributes in which Metaflow sees no parameter."""
    return iter(flow._NON_PARAMETERS)  # noqa: SLF001


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


def package_sources_of(flow: Any) -> list[PackageSource]:  # noqa: ANN401  (a FlowSpec)
    """Return what ``@package_sources`` takes into a flow's code package; nothing before Metaflow 2.19.39."""
    return [
        PackageSource(source, name, Path(inspect.getfile(mutator._flow_cls)).absolute().parent / source)  # noqa: SLF001
        for mutator in _taking_sources(flow)
        for source, name in mutator._sources  # noqa: SLF001
    ]


def files_of_package_sources(flow: Any) -> dict[str, Path]:  # noqa: ANN401  (a FlowSpec)
    """Return the files of ``@package_sources`` by their names in the code package."""
    taken = (row for mutator in _taking_sources(flow) for row in mutator.add_to_package())
    return {name: Path(path) for path, name, _ in taken}


def _taking_sources(flow: Any) -> list[Any]:  # noqa: ANN401  (a FlowSpec)
    import metaflow

    kind = getattr(metaflow, "package_sources", None)
    return [] if kind is None else [item for item in flow._flow_mutators if isinstance(item, kind)]  # noqa: SLF001


def finds_case(graph: Any, switch: str, steps: Sequence[str]) -> bool:  # noqa: ANN401  (a FlowGraph)
    """Tell whether a join would know, from the steps that it reads, which case of a switch was chosen.

    No released Metaflow has this, and not every branch of it that reads such cases.
    """
    from metaflow import task

    find = getattr(task, "_switch_case_targets_for_input_steps", None)
    return find is not None and find(graph, graph[switch], list(steps)) == list(steps)


def attach(obj: CliState, name: str) -> None:
    """Attach a step decorator to all steps of a flow that is loaded already, and let it take effect."""
    from metaflow import decorators

    decorators._attach_decorators(obj.flow, [name])  # noqa: SLF001
    decorators._process_late_attached_decorator(  # noqa: SLF001
        [name], obj.flow, obj.graph, obj.environment, obj.flow_datastore, obj.logger
    )
    obj.graph = obj.flow._graph  # noqa: SLF001
