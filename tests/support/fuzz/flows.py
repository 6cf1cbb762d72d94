"""Runs random flows by `python flow.py run` and on a Windmill, and tells every difference, task by task."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.deployed import Deployed, Target
from tests.support.expected import contradictions
from tests.support.flow_files import write_flow
from tests.support.fuzz.endings import NOTES, drawn_ending, noted
from tests.support.oracle import Home, compare, run_locally
from tests.support.server import Server, running_server
from tests.support.strategies import drawn_graphs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.graphs import Graph
    from tests.support.oracle import RunSeen

FOLDER = "f/fuzz"
PATIENCE = 900
"""Seconds that a run may take, on a Windmill that others may use too."""


@dataclass(frozen=True)
class Way:
    """How a flow is deployed."""

    create: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


WAYS: Mapping[str, Way] = {
    "arms": Way(),
    "lanes": Way(("--max-workers=2",)),
    "pack": Way(("--pack=3",)),
    "pack+lanes": Way(("--pack=2", "--max-workers=2")),
    "rows": Way(settings=(("METAFLOW_WINDMILL_CHOICES", "rows"),)),
    "rows+lanes": Way(("--max-workers=2",), (("METAFLOW_WINDMILL_CHOICES", "rows"),)),
}


@dataclass(frozen=True)
class Compared:
    """What was found of a flow: for each way the differences, none where there are none."""

    flow: str
    file: Path
    differences: Mapping[str, list[str]]


def compare_flow(target: Target, ways: list[str], root: Path, seed: int, graph: Graph) -> Compared:
    """Run a flow locally and in each of the ways, and compare."""
    home = Home(Path(tempfile.mkdtemp(dir=root)), patience=PATIENCE)
    ending = drawn_ending(seed, graph)
    flow = home.write("flow", ending.written(write_flow(graph), graph, home.root / NOTES))
    try:
        local = run_locally(home, flow, graph.name)
    except (AssertionError, subprocess.TimeoutExpired) as why:
        return Compared(graph.name, flow, {"locally": [str(why)]})
    found = {"locally": [] if ending.fails else contradictions(graph, local)}
    hooks = noted(home.root / NOTES)
    for name in ways:
        found[name] = _differences(Deployed(home, target, flow, graph.name), WAYS[name], local)
        ran = noted(home.root / NOTES)
        found[name] += [f"The hooks are {hooks} locally, {ran} on Windmill."] if ran != hooks else []
    return Compared(graph.name, flow, found)


def _differences(deployed: Deployed, way: Way, local: RunSeen) -> list[str]:
    """Return what a run does otherwise than a local one, or why nothing can be said of it."""
    settings = {**dict(way.settings), "METAFLOW_WINDMILL_FOLDER": FOLDER}
    here = replace(deployed, home=replace(deployed.home, settings=settings))
    try:
        there = here.finish(here.run(*way.create), PATIENCE)
    except (AssertionError, subprocess.TimeoutExpired) as why:
        return [f"It did not run: {str(why)[-3000:]}"]
    told = compare(local, there)
    return [*told, there.log[-2000:]] if told else []


@contextmanager
def some_target(asked: argparse.Namespace, root: Path) -> Iterator[Target]:
    """Give the workspace to run in: an embedded server's, the one that was named, or one of its own."""
    if asked.server is None:
        with running_server(root) as server:
            yield Target(server.url, server.token)
    elif asked.workspace:
        yield Target(asked.server, asked.token, asked.workspace)
    else:
        there = Server(asked.server, asked.token, f"metaflow-fuzz-{uuid.uuid4().hex[:12]}")
        there.post("/api/workspaces/create", {"id": there.workspace, "name": there.workspace})
        try:
            yield Target(there.url, there.token, there.workspace)
        finally:
            there.post("/workspaces/archive")
            there.ask("DELETE", f"/api/workspaces/delete/{there.workspace}").raise_for_status()


def told(compared: Compared) -> str:
    """Return what there is to say of a flow."""
    bad = {way: lines for way, lines in compared.differences.items() if lines}
    if not bad:
        return f"{compared.flow}: the same, {', '.join(compared.differences)}"
    lines = [f"{way}: {line}" for way, lines in bad.items() for line in lines]
    return "\n  ".join([f"{compared.flow} DIFFERS ({compared.file}):", *lines])


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=50)
    parser.add_argument("seed", nargs="?", type=int, default=int(time.time()))
    parser.add_argument("--server")
    parser.add_argument("--token")
    parser.add_argument("--workspace", help="one that is there, with --server; else one is made and removed")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["arms", "lanes", "rows"])
    parser.add_argument("--most-tasks", type=int, default=14, help="of a flow")
    parser.add_argument("--at-once", type=int, default=2, help="flows at a time")
    asked = parser.parse_args()
    if (asked.server is None) != (asked.token is None):
        parser.error("give both --server URL and --token T")
    return asked


def main() -> int:
    """Compare; return 1 if anything differed."""
    asked, root = arguments(), Path(tempfile.mkdtemp(prefix="fuzz-"))
    print(f"scripts/fuzz {asked.count} {asked.seed} (files under {root})", flush=True)
    graphs = drawn_graphs(asked.seed, asked.count, most_tasks=asked.most_tasks, gangs=1)
    ran, differed = Counter[str](), Counter[str]()
    with some_target(asked, root) as target, ThreadPoolExecutor(asked.at_once) as pool:
        for compared in pool.map(partial(compare_flow, target, asked.ways, root, asked.seed), graphs):
            print(told(compared), flush=True)
            ran.update(list(compared.differences))
            differed.update(way for way, lines in compared.differences.items() if lines)
    print("; ".join(f"{way}: {ran[way]} ran, {differed[way]} differed" for way in ran))
    return 1 if differed else 0


if __name__ == "__main__":
    sys.exit(main())
