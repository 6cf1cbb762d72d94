"""Metaflow's FlowGraph, read into a frozen Dag; the only room that knows Metaflow's graph classes."""

from __future__ import annotations

from metaflow_windmill.graph.dag import (
    Case,
    Dag,
    Decorator,
    Needs,
    Problem,
    Retries,
    Step,
    StepKind,
    StepPackages,
)
from metaflow_windmill.graph.metaflow_graph import read_dag
from metaflow_windmill.graph.order import arrange

__all__ = [
    "Case",
    "Dag",
    "Decorator",
    "Needs",
    "Problem",
    "Retries",
    "Step",
    "StepKind",
    "StepPackages",
    "arrange",
    "dag",
    "read_dag",
]
