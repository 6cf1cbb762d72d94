"""``mermaid``: draw what the flow compiles to, for a README or a review."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.compiler import DeploymentSpec, compile_flow, mermaid
from metaflow_windmill.contract.record import PackageInfo, Record, StoreInfo
from metaflow_windmill.deployment.assembled.assemble import limits
from metaflow_windmill.deployment.assembled.options import DeployOptions, check_wanted
from metaflow_windmill.graph import read_dag
from metaflow_windmill.terminal.speech import flow_command, print_data

if TYPE_CHECKING:
    from metaflow_windmill.graph import Dag
    from metaflow_windmill.internals.deploying import CliState


@flow_command(
    "Print the compiled graph as a Mermaid diagram.",
    click.option("--max-workers", default=None, type=int, help="As given to create: it adds lanes."),
    click.option("--pack", default=None, type=int, help="As given to create: what is one job is one box."),
    examples=("mermaid", "mermaid --max-workers 4"),
)
def command(obj: CliState, max_workers: int | None, pack: int | None) -> None:
    """Print the diagram to stdout; no server is asked."""
    check_wanted(DeployOptions(max_workers=max_workers))
    obj.check(obj.graph, obj.flow, obj.environment, pylint=False)
    print_data(diagram(read_dag(obj.graph), max_workers, pack))


def diagram(dag: Dag, max_workers: int | None = None, pack: int | None = None) -> str:
    """Return a Mermaid flowchart of what a graph compiles to, even if it could not be deployed."""
    record = Record(dag.name, "", "", PackageInfo("", "", "", ""), StoreInfo(""), StoreInfo(""))
    deployment = DeploymentSpec("", record, script="", lock="", schema={}, max_workers=max_workers, pack=pack)
    return mermaid(compile_flow(replace(dag, problems=()), deployment, limits()).value)
