"""Measures this project against what it stands beside, side by side in one run.

Seconds mean little on a noisy machine; the ratios are taken pair by pair, A B A B, and the median is quoted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from local_server import Server, local_server

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.windmill import Windmill

LOOK_EVERY = 0.05
"""Seconds between two looks; each one takes computing time away from the jobs that are measured."""

LINEAR = """
from metaflow import FlowSpec, step
class LinearFlow(FlowSpec):
{steps}
if __name__ == "__main__":
    LinearFlow()
"""
FOREACH = """
from metaflow import FlowSpec, step
class WideFlow(FlowSpec):
    @step
    def start(self):
        self.items = list(range({items}))
        self.next(self.body, foreach="items")
    @step
    def body(self):
        self.value = self.input
        self.next(self.join)
    @step
    def join(self, inputs):
        self.total = sum(task.value for task in inputs)
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    WideFlow()
"""
TRIVIAL = {
    "type": "rawscript",
    "language": "python3",
    "lock": f"# py: {sys.version_info[0]}.{sys.version_info[1]}\n",
    "content": "def main():\n    return 1\n",
}


@dataclass(frozen=True)
class Shape:
    """A flow, and what share of a local run it is to take: as it is, and packed."""

    label: str
    name: str
    text: str
    pack: int
    goal: float
    packed_goal: float
    splits: int = 100


def wide(items: int) -> str:
    """Return a flow file of a foreach over so many items."""
    return FOREACH.format(items=items)


def linear(count: int) -> str:
    """Return a flow file of so many steps in a row."""
    if count == 1:
        return LINEAR.format(steps="    @step(start=True, end=True)\n    def only(self):\n        pass")
    names = ["start", *(f"s{number}" for number in range(1, count - 1)), "end"]
    steps = [
        f"    @step\n    def {name}(self):\n        self.next(self.{after})"
        for name, after in pairwise(names)
    ]
    return LINEAR.format(steps="\n".join([*steps, "    @step\n    def end(self):\n        pass"]))


class Bench:
    """A server, a client of it, and a place for flows and data."""

    def __init__(self, server: Server, place: Path) -> None:
        self.place, self.server = place, server
        self.client = Windmill(HttpTransport(server.url, server.token), "admins")
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.environment = {
            **kept,  # nobody runs Metaflow without byte code
            **server.environment,
            "METAFLOW_USER": "bench",
            "METAFLOW_HOME": str(place / "home"),
            "METAFLOW_DEFAULT_DATASTORE": "local",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(place / "store"),
        }

    def flow(self, file: Path, *words: str) -> float:
        """Run a command of a flow file and return the seconds it took."""
        start = time.perf_counter()
        command = [sys.executable, str(file), "--quiet", "--no-pylint", *words]
        subprocess.run(command, cwd=self.place, env=self.environment, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    def computing(self, file: Path, *words: str) -> float:
        """Run a command of a flow file and return the seconds that it computed, its byte code being there."""
        environment = {**self.environment, "PYTHONPYCACHEPREFIX": str(self.place / "bytecode")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, str(file), "--no-pylint", *words]
        subprocess.run(command, cwd=self.place, env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    def job(self, path: str) -> float:
        """Run a deployed flow and return the seconds from the request to the result."""
        start = time.perf_counter()
        job_id = self.client.run_flow(path, {}, str(uuid.uuid4()))
        while not (outcome := self.client.outcome(job_id)).completed:
            time.sleep(LOOK_EVERY)
        if not outcome.success:
            raise SystemExit(f"{path} failed: {json.dumps(outcome.result)[:500]}")
        return time.perf_counter() - start

    def engine_flow(self, name: str, value: dict[str, object]) -> str:
        """Deploy a bare OpenFlow value and return its path."""
        path = f"f/bench/{name}"
        if not self.client.folder_exists("bench"):
            self.client.create_folder("bench")
        document = {"path": path, "summary": name, "value": value, "schema": {}}
        update = self.client.update_flow if self.client.flow_exists(path) else self.client.create_flow
        update(document)
        return path


def beside(label: str, ours: list[float], theirs: list[float], goal: float) -> None:
    """Print two rows of seconds and the median of their ratios."""
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"{label}: {ratio:.2f} times (to reach: {goal:.2f}); "
        f"{statistics.median(ours):.2f} s against {statistics.median(theirs):.2f} s, {len(ours)} pairs"
    )


def against_local(bench: Bench, shape: Shape, rounds: int, pack: int | None = None) -> None:
    """Compare a deployed flow with `python flow.py run`; with `pack`, so many of its tasks are one job."""
    name = f"{shape.name}Packed" if pack else shape.name
    file = bench.place / f"{name.lower()}.py"
    file.write_text(shape.text.replace(shape.name, name))
    together = ("--with", f"windmill:pack={pack}") if pack else ()
    splits = ("--max-num-splits", str(shape.splits))
    bench.flow(file, *together, "windmill", "create", *splits)

    def pair() -> tuple[float, float]:
        return bench.job(f"f/flows/{name}"), bench.flow(file, "run", "--max-workers", "2", *splits)

    if rounds > 1:
        pair()
    pairs = [pair() for _ in range(rounds)]
    packed = f", packed by {pack}" if pack else ""
    label = f"{shape.label}{packed}, against `python flow.py run --max-workers 2`"
    beside(label, [a for a, _ in pairs], [b for _, b in pairs], shape.packed_goal if pack else shape.goal)
    bench.flow(file, "windmill", "delete", "--yes")


def deployments(bench: Bench, rounds: int) -> None:
    """Measure the deployment of a flow that is there, and the first run after one that changed it."""
    file = bench.place / "oneflow.py"
    text = linear(1).replace("LinearFlow", "OneFlow")
    file.write_text(text)
    bench.flow(file, "windmill", "create")
    again = statistics.median(bench.flow(file, "windmill", "create") for _ in range(rounds))
    print(f"deploy of an unchanged flow: {again:.2f} s (to reach: 1.50)")
    firsts, warm = [], []
    for number in range(rounds):
        file.write_text(f"{text}# {number}\n")
        bench.flow(file, "windmill", "create")
        firsts.append(bench.job("f/flows/OneFlow"))
        warm.append(bench.job("f/flows/OneFlow"))
    beside("the first run of one task after a deploy, against the next one", firsts, warm, 1.5)
    bench.flow(file, "windmill", "delete", "--yes")


def commands(bench: Bench, rounds: int) -> None:
    """Compare the computing of commands that compile nothing with `python flow.py show`."""
    file = bench.place / "askedflow.py"
    file.write_text(linear(3).replace("LinearFlow", "AskedFlow"))
    bench.flow(file, "windmill", "create")
    bench.flow(file, "windmill", "run")
    for command in ("status", "logs", "trigger"):  # what is triggered computes as well: so it comes last
        words, shown = ("windmill", command), ("show",)
        bench.computing(file, *words), bench.computing(file, *shown)
        pairs = [(bench.computing(file, *words), bench.computing(file, *shown)) for _ in range(rounds)]
        label = f"computing of `windmill {command}`, against `python flow.py show`"
        beside(label, [a for a, _ in pairs], [b for _, b in pairs], 1.2)
    bench.job("f/flows/AskedFlow")  # it waits behind all that was triggered
    bench.flow(file, "windmill", "delete", "--yes")


def annotated(bench: Bench, rounds: int) -> None:
    """Compare trivial steps with and without an annotation that takes work from the worker."""
    lines = {"plain": "", "annotated": "# no_postinstall\n"}
    for name, line in lines.items():
        code = {**TRIVIAL, "content": line + str(TRIVIAL["content"])}
        modules = [{"id": f"s{number}", "value": code} for number in range(20)]
        bench.job(bench.engine_flow(name, {"modules": modules}))
    pairs = [(bench.job("f/bench/annotated"), bench.job("f/bench/plain")) for _ in range(rounds)]
    label = "20 trivial steps with `# no_postinstall`, against without"
    beside(label, [a for a, _ in pairs], [b for _, b in pairs], 1.0)


def engine(bench: Bench, rounds: int) -> None:
    """Measure the embedded server alone."""
    steps = 20
    modules = [{"id": f"s{number}", "value": TRIVIAL} for number in range(steps)]
    path = bench.engine_flow("trivial", {"modules": modules})
    bench.job(path)
    each = statistics.median(bench.job(path) for _ in range(rounds)) / steps
    print(f"a trivial Python step, warm: {each:.3f} s (to reach: 0.120)")
    loop = {
        "type": "forloopflow",
        "parallel": True,
        "skip_failures": False,
        "iterator": {"type": "javascript", "expr": "Array.from({length: 200}, (_, i) => i)"},
        "modules": [{"id": "body", "value": TRIVIAL}],
    }
    path = bench.engine_flow("loop", {"modules": [{"id": "loop", "value": loop}]})
    print(f"a parallel loop of 200 on two workers: {bench.job(path):.1f} s (to reach: 15.0)")


def own_packages(bench: Bench, shared: Bench, rounds: int) -> None:
    """Compare jobs that see what their lock brings with jobs that see the server's environment."""
    for each in (bench, shared):
        module = [{"id": f"s{number}", "value": TRIVIAL} for number in range(20)]
        each.engine_flow("packages", {"modules": module})
        file = each.place / "tenflow.py"
        file.write_text(linear(10).replace("LinearFlow", "TenFlow"))
        each.flow(file, "windmill", "create")
    for label, path in (("20 trivial steps", "f/bench/packages"), ("ten linear steps", "f/flows/TenFlow")):
        bench.job(path), shared.job(path)
        pairs = [(bench.job(path), shared.job(path)) for _ in range(rounds)]
        beside(f"{label}, against --shared-environment", [a for a, _ in pairs], [b for _, b in pairs], 1.0)


def memory(bench: Bench, jobs: int) -> None:
    """Print the server's memory after so many finished jobs."""
    identity = [{"id": f"i{number}", "value": {"type": "identity"}} for number in range(99)]
    path = bench.engine_flow("many", {"modules": identity})
    for _ in range(jobs // 100):
        bench.job(path)
    assert bench.server.process is not None
    status = Path(f"/proc/{bench.server.process.pid}/status").read_text()
    used = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
    print(f"memory of the server after {jobs:,} more jobs: {used:.0f} MB (to reach: 150)")


def compile_times() -> None:
    """Print what the compiler alone takes, and how it grows."""
    from compile_time import seconds

    taken = {count: min(seconds(count) for _ in range(3)) for count in (10, 100, 1000)}
    print(
        "compile alone: "
        + ", ".join(f"{count:,} steps {spent * 1000:.1f} ms" for count, spent in taken.items())
        + f" (to reach: 80 ms for 1,000); 1,000 steps take {taken[1000] / taken[100]:.1f} times 100 steps"
    )


def main() -> None:
    """Run the parts that were asked for."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--rounds", type=int, default=5, help="pairs for each ratio")
    ask.add_argument("--jobs", type=int, default=10_000, help="finished jobs for the memory of the server")
    ask.add_argument("--items", type=int, default=500, help="of the wide foreach; a local run takes long")
    ask.add_argument("--server", help="the address of another Windmill than an embedded one")
    ask.add_argument("--token", help="of that Windmill")
    said = ask.parse_args()
    if bool(said.server) != bool(said.token):
        ask.error("give both --server URL and --token T")
    compile_times()
    with tempfile.TemporaryDirectory() as place:
        if said.server:
            side_by_side(Bench(Server(said.server, said.token, None), Path(place)), said.rounds, said.items)
            return
        with local_server(Path(place) / "server") as server:
            bench = Bench(server, Path(place))
            side_by_side(bench, said.rounds, said.items)
            with local_server(Path(place) / "shared", arguments=["--shared-environment"]) as other:
                own_packages(bench, Bench(other, Path(place)), said.rounds)
            memory(bench, said.jobs)


def side_by_side(bench: Bench, rounds: int, items: int) -> None:
    """Run what any Windmill is measured by."""
    shapes = (
        Shape("ten linear steps", "LinearFlow", linear(10), 10, 0.6, 0.35),
        Shape("a foreach of 50", "WideFlow", wide(50), 25, 0.6, 0.35),
    )
    for shape in shapes:
        against_local(bench, shape, rounds)
        against_local(bench, shape, rounds, shape.pack)
    text = wide(items).replace("WideFlow", "ManyFlow")
    many = Shape(f"a foreach of {items:,}", "ManyFlow", text, max(1, items // 20), 0.6, 0.1, items)
    against_local(bench, many, 1, many.pack)
    deployments(bench, rounds)
    commands(bench, 3 * rounds)
    annotated(bench, rounds)
    engine(bench, rounds)


if __name__ == "__main__":
    main()
