"""Metaflow's own graph of a flow whose text was just written, without a file."""

from __future__ import annotations

import linecache
import sys
from itertools import count
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow.graph import FlowGraph

_numbers = count()


def flow_graph(text: str, name: str) -> FlowGraph:
    """Return Metaflow's graph of a flow, after Metaflow's own checks have passed.

    Parameters
    ----------
    text : str
        Of a flow file.
    name : str
        The flow class in it.
    """
    from metaflow.lint import linter

    module = ModuleType(f"flow_{next(_numbers)}")
    file = f"<{module.__name__}>"
    # Metaflow reads the source of each step, which Python finds here.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    sys.modules[module.__name__] = module
    exec(compile(text, file, "exec"), module.__dict__)
    graph: FlowGraph = module.__dict__[name]._graph
    linter.run_checks(graph)
    return graph
