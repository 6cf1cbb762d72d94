"""Reads the graph of a flow file as the compiler gets it, in this process."""

from __future__ import annotations

import sys
import warnings
from importlib.util import module_from_spec, spec_from_file_location
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Protocol

from metaflow import FlowSpec
from metaflow.decorators import flow_decorators
from metaflow.lint import linter

from metaflow_windmill.graph import read_dag

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.graph import Dag


def dag_of(path: Path) -> Dag:
    """Return the graph of the one flow that a file holds, once Metaflow's own checks have passed it."""
    flow = load_flow(path)
    linter.run_checks(flow._graph)
    return read_dag(flow._graph, flow_decorators(flow))


def load_flow(path: Path) -> type[FlowSpec]:
    """Import a flow file and return its flow class."""
    name = f"flow_of_{path.stem}"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Metaflow reads the source of each step, and Python finds it by the module's name.
    sys.modules[name] = module
    try:
        with warnings.catch_warnings():
            # The lowest supported Metaflow uses parts of `ast` that Python 3.12 and later warn of.
            warnings.filterwarnings("ignore", "ast\\.|Attribute s is deprecated", DeprecationWarning)
            spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    flows = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, FlowSpec)]
    (flow,) = (item for item in flows if item is not FlowSpec)
    return flow


class Read(Protocol):
    """Makes a Dag of the steps of a flow, and the decorators of its class."""

    def __call__(self, steps: str, decorators: str = "") -> Dag: ...


def flow_text(steps: str, decorators: str = "") -> str:
    """The text of a flow with these steps."""
    body = indent(dedent(steps).strip("\n"), "    ")
    return f"import metaflow\nfrom metaflow import *\n\n{decorators}\nclass AFlow(FlowSpec):\n{body}\n"
