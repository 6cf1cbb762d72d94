"""Runs a wide foreach and a long recursion at two sizes each, and shows what grows with the size.

Each size has a server of its own. Memory is the most that was resident (Linux tells it); what a run costs
an item must not depend on how many items there are, and so the ratios are to be about 1.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from local_server import Server, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOREACH = """
from metaflow import FlowSpec, Parameter, step
class ScaleFlow(FlowSpec):
    size = Parameter("size", type=int, default=3)
    @step
    def start(self):
        self.items = range(self.size)
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
        assert self.total == self.size * (self.size - 1) // 2, self.total
if __name__ == "__main__":
    ScaleFlow()
"""
RECURSION = """
from metaflow import FlowSpec, Parameter, step
class ScaleFlow(FlowSpec):
    size = Parameter("size", type=int, default=3)
    @step
    def start(self):
        self.count = 0
        self.next(self.body)
    @step
    def body(self):
        assert self._iteration_stack == [self.count], self._iteration_stack
        self.count += 1
        self.way = "again" if self.count < self.size else "over"
        self.next({"again": self.body, "over": self.join}, condition="way")
    @step
    def join(self):
        self.next(self.end)
    @step
    def end(self):
        assert self.count == self.size, self.count
if __name__ == "__main__":
    ScaleFlow()
"""
SHAPES = {"foreach": FOREACH, "recursion": RECURSION}
TASKS = {"body": "path LIKE '%/body' OR path LIKE '%/loop-%'", "join": "step_id = 'join'"}
"""The rows of the tasks of a step."""


@dataclass
class Seen:
    """What a run of one size cost: a number for each thing that was measured."""

    size: int
    numbers: dict[str, float] = field(default_factory=dict)


class Run:
    """A server, a flow on it, and the numbers of one run.

    Parameters
    ----------
    server : Server
    place : Path
        For the flow and its data; the server's data is in ``server`` there.
    size : int
    """

    def __init__(self, server: Server, place: Path, size: int) -> None:
        self._server, self._place, self._seen = server, place, Seen(size)
        self._environment = {
            **os.environ,
            **server.environment,
            "METAFLOW_USER": "scale",
            "METAFLOW_HOME": str(place / "home"),
            "METAFLOW_DEFAULT_DATASTORE": "local",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(place / "store"),
            "METAFLOW_WINDMILL_CACHE": str(place / "cache"),
        }

    def measured(self, text: str, words: Sequence[str]) -> Seen:
        """Run the flow, look at it as a person would, and return what that cost."""
        (self._place / "flow.py").write_text(text)
        numbers, size = self._seen.numbers, self._seen.size
        self._client("run", "--size", str(size), *words, "--max-num-splits", str(size), "--run-id-file", "id")
        run_id = (self._place / "id").read_text()
        self._client("status", run_id)
        self._client("logs", run_id, "--step", "join")
        numbers["server, MB"] = peak(self._server.process.pid)
        numbers["a worker, MB"] = max(map(peak, children(self._server.process.pid)))
        self._rows()
        return self._seen

    def _client(self, *words: str) -> None:
        command = [sys.executable, "flow.py", "--quiet", "--no-pylint", "windmill", *words]
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=self._place, env=self._environment, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"`{' '.join(words)}` failed at size {self._seen.size}; its words are above.")
        self._seen.numbers[f"`windmill {words[0]}`, MB"] = usage.ru_maxrss / 1024
        self._seen.numbers[f"`windmill {words[0]}`, s"] = time.perf_counter() - start

    def _rows(self) -> None:
        """Read from the server's own tables what jobs took and what was kept of them."""
        numbers, size = self._seen.numbers, self._seen.size
        file = next((self._place / "server").rglob("*.db"))
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as tables:
            for step, where in (
                ("body", "path LIKE '%/body' OR path LIKE '%/loop-%'"),
                ("join", "step_id = 'join'"),
            ):
                told = f"SELECT max(memory_kb) / 1024.0 FROM job WHERE for_worker = 1 AND ({where})"
                numbers[f"a task of {step}, MB"] = tables.execute(told).fetchone()[0]
            for name in ("args", "result"):
                told = f"SELECT sum(length(value)) FROM job_{name}"
                numbers[f"{name} of jobs, bytes an item"] = tables.execute(told).fetchone()[0] / size
            told = "SELECT length(value) FROM job_args JOIN job ON job = id WHERE step_id = 'join'"
            numbers["args of the join, bytes"] = tables.execute(told).fetchone()[0]
            began = [
                row[0] for row in tables.execute("SELECT started_at FROM job WHERE memory_kb > 0 ORDER BY 1")
            ]
        tenth = max(1, len(began) // 10)
        numbers["an item, s"] = (began[-1] - began[0]) / 1e6 / size
        numbers["an item of the first tenth, s"] = (began[tenth] - began[0]) / 1e6 / tenth
        numbers["an item of the last tenth, s"] = (began[-1] - began[-1 - tenth]) / 1e6 / tenth


def peak(process: int) -> float:
    """Return the most memory that a process held, in megabytes."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def computed() -> float:
    """Return the seconds that all processes computed which were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def children(process: int) -> Iterator[int]:
    """Yield the processes that a process started and that live."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        yield from map(int, (thread / "children").read_text().split())


def show(shape: str, runs: Sequence[Seen]) -> None:
    """Print the numbers of all sizes side by side, and the ratio of the last to the first."""
    print(f"\n{shape:34}" + "".join(f"{run.size:>12,}" for run in runs) + "       ratio")
    for name, first in runs[0].numbers.items():
        row = "".join(f"{run.numbers[name]:>12,.2f}" for run in runs)
        print(f"  {name:32}{row}{runs[-1].numbers[name] / first if first else 1:>12.2f}")


def main() -> None:
    """Run one shape at the sizes that were asked for."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("shape", choices=SHAPES)
    ask.add_argument("sizes", type=int, nargs="*", default=[50, 500])
    ask.add_argument("--workers", type=int, default=2, help="workers of the server")
    ask.add_argument("--max-workers", type=int, help="deploy with this limit")
    ask.add_argument("--pack", type=int, help="deploy with so many tasks a job")
    said = ask.parse_args()
    words = ["--max-workers", str(said.max_workers)] if said.max_workers else []
    words += ["--pack", str(said.pack)] if said.pack else []
    runs = []
    for size in said.sizes:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            before = computed()
            with local_server(place / "server", workers=said.workers) as server:
                runs.append(Run(server, place, size).measured(SHAPES[said.shape], words))
            runs[-1].numbers["computing of all, s an item"] = (computed() - before) / size
            show(" ".join([said.shape, *words]), runs)  # before so many files are removed


if __name__ == "__main__":
    main()
