"""How long the compiler alone takes for a graph of so many steps: splits, foreaches and plain steps."""

from __future__ import annotations

import time

from metaflow_windmill.compiler import DeploymentSpec, compile_flow
from metaflow_windmill.contract.record import PackageInfo, Record, StoreInfo
from metaflow_windmill.graph.dag import Dag, Step
from metaflow_windmill.package.script import step_script

BLOCK = 10


def seconds(count: int) -> float:
    """Return the seconds of computing from a graph of `count` steps to its document."""
    dag = graph(count)
    deployment = _deployment()
    start = time.process_time()
    compile_flow(dag, deployment).to_json()
    return time.process_time() - start


def graph(count: int) -> Dag:
    """Return a graph of `count` steps (a multiple of ten): blocks of a split with two arms and a foreach."""
    steps: list[Step] = []
    for number in range(count // BLOCK):
        steps += _block(number, f"a{number + 1}" if number + 1 < count // BLOCK else None)
    return Dag("Bench", "a0", steps[-1].name, tuple(steps))


def _block(number: int, after: str | None) -> list[Step]:
    def name(letter: str) -> str:
        return f"{letter}{number}"

    last = Step(name("j"), next=(after,)) if after else Step(name("j"), kind="end")
    return [
        Step(name("a"), kind="split", next=(name("b"), name("c"))),
        Step(name("b"), next=(name("d"),)),
        Step(name("c"), next=(name("d"),)),
        Step(name("d"), next=(name("e"),), joins=(name("a"),)),
        Step(name("e"), kind="foreach", next=(name("f"),), over="items"),
        Step(name("f"), next=(name("g"),)),
        Step(name("g"), next=(name("h"),)),
        Step(name("h"), next=(name("i"),), joins=(name("e"),)),
        Step(name("i"), next=(name("j"),)),
        last,
    ]


def _deployment() -> DeploymentSpec:
    package = PackageInfo("s3://bucket/package", "0" * 40, "{}", "bench.py")
    record = Record("Bench", "me", "bench-0", package, StoreInfo("s3", "s3://bucket"), StoreInfo("service"))
    return DeploymentSpec("f/flows/Bench", record, step_script(), "# py: 3.11\n", {"type": "object"})
