"""Runs the flows of Metaflow's own `test/core` on a Windmill, judged by that suite's checks.

The suite's runner waits for Metaflow's `Run.finished`, which a run that failed never is, and leaves out
what is to fail or to be resumed. This one asks Windmill how a run ended instead; the flows, the graphs
and the checks are the suite's.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from local_server import local_server

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.windmill import Windmill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TOP = ("--metadata=local", "--event-logger=nullSidecarLogger", "--no-pylint", "--quiet")
TAGS = ("--tag=刺身 means sashimi", "--tag=multiple tags should be ok")
# A deployed run is in the namespace of its production token; the checks look into the user's.
USER = ("--namespace=user:tester", "--tag=user:tester")
STORES = ("AWS_", "METAFLOW_S3_", "METAFLOW_DATASTORE_SYSROOT_S3")
CHECKS = ("CliCheck", "MetadataCheck")
# A test gives parameters by variables of `run`; `trigger` reads them under another name.
RENAMED = ("METAFLOW_RUN_", "METAFLOW_WINDMILL_TRIGGER_")
SIZES = ("single-linear-step", "switch", "small", "branch", "simple-foreach", "nested-foreach")


@dataclass(frozen=True)
class Place:
    """Where the suite is, where things are kept, and how Windmill is asked: `server` has its variables."""

    core: Path
    work: Path
    server: Mapping[str, str]
    patience: float
    checks: Sequence[str]
    datastore: str

    def windmill(self) -> Windmill:
        """Return a client of the workspace."""
        host, token, workspace = (self.server[f"WINDMILL_{name}"] for name in ("HOST", "TOKEN", "WORKSPACE"))
        return Windmill(HttpTransport(host, token), workspace)

    def environment(self) -> dict[str, str]:
        """Return all that a flow's command line and the checks see."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.work),
            "USER": "tester",
            "LANG": "C.UTF-8",
            "PYTHONIOENCODING": "utf_8",
            "PYTHONPATH": ":".join(filter(None, (str(self.core), os.environ.get("PYTHONPATH")))),
            "METAFLOW_USER": "tester",
            "METAFLOW_HOME": str(self.work / "configuration"),
            "METAFLOW_PROFILE": "",
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_DEFAULT_DATASTORE": self.datastore,
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(self.work),
            **{name: value for name, value in os.environ.items() if name.startswith(STORES)},
            **self.server,
        }


@dataclass(frozen=True)
class Outcome:
    """What became of a pair of a test and a graph; `why` is empty if all was as the test has it."""

    test: str
    graph: str
    why: str
    run: str
    seconds: float
    checks: str
    said: str = field(default="", repr=False)


class Failed(Exception):
    """A pair did not do what its test wants: at which stage, and what was said there."""


def pairs(core: Path) -> list[Any]:
    """Return the suite's formatter of each valid pair, the small graphs first."""
    for folder in (core, core / "tests"):
        sys.path.insert(0, str(folder))
    formatter = importlib.import_module("metaflow_test.formatter").FlowFormatter
    graphs = [json.loads(path.read_text()) for path in sorted((core / "graphs").glob("*.json"))]
    graphs.sort(key=lambda graph: next(rank for rank, word in enumerate(SIZES) if word in graph["name"]))
    made = (formatter(graph, test) for graph in graphs for test in _tests(core))
    return [pair for pair in made if pair.valid]


def _tests(core: Path) -> Iterator[Any]:
    base = importlib.import_module("metaflow_test").MetaflowTest
    for path in sorted((core / "tests").glob("*.py")):
        for kind in vars(importlib.import_module(path.stem)).values():
            if isinstance(kind, type) and issubclass(kind, base) and kind is not base:
                yield kind()


def name_of(pair: Any) -> tuple[str, str]:  # noqa: ANN401 (a class of the suite's)
    return type(pair.test).__name__, pair.graphspec["name"]


def attempt(pair: Any, place: Place) -> Outcome:  # noqa: ANN401
    """Run a pair in a directory of its own."""
    began = time.monotonic()
    directory = Path(tempfile.mkdtemp(dir=place.work))
    why = said = ""
    try:
        _write(pair, place.core, directory)
        _run_and_check(pair, place, directory)
    except Failed as failure:
        why, said = failure.args
    except subprocess.TimeoutExpired as late:
        why = str(late)
    file = directory / "run-id"
    run = file.read_text() if file.exists() else ""
    shutil.rmtree(directory)
    return Outcome(
        *name_of(pair), why, run, round(time.monotonic() - began, 1), ",".join(place.checks), said[-6000:]
    )


def _write(pair: Any, core: Path, directory: Path) -> None:  # noqa: ANN401
    (directory / "test_flow.py").write_text(pair.flow_code.replace(*RENAMED), encoding="utf-8")
    (directory / "check_flow.py").write_text(pair.check_code, encoding="utf-8")
    shutil.copytree(core / "metaflow_test", directory / "metaflow_test")
    for file in pair.copy_files:
        shutil.copy2(core / "tests" / file, directory / file)


def _run_and_check(pair: Any, place: Place, directory: Path) -> None:  # noqa: ANN401
    """Deploy, start, wait, resume if the test is about that, and check: as the suite's runner does."""
    top = [*TOP, f"--datastore={place.datastore}"]
    folder = pair.graphspec["name"].replace("-", "_")  # a test has one flow name for all graphs
    flow = ["-B", "test_flow.py", *top, "windmill", f"--folder=f/{folder}"]

    def windmill(command: str, *words: str) -> str:
        return _python(place, directory, command, [*flow, command, *words])

    def ended() -> bool:
        return wait(place, (directory / "run-id").read_text())

    windmill("create", "--max-num-splits=10000", *TAGS, *USER)
    windmill("trigger", "--run-id-file", "run-id")
    succeeded = ended()
    if pair.should_resume and not succeeded:
        step = ["--step-to-rerun", pair.resume_step] if pair.resume_step else []
        windmill("resume", (directory / "run-id").read_text(), *step, "--no-wait", "--run-id-file", "run-id")
        succeeded = ended()
    run_id = (directory / "run-id").read_text()
    if succeeded is pair.should_fail:
        raise Failed(
            "the run succeeded" if succeeded else "the run failed",
            windmill("logs", run_id) + windmill("status", run_id),
        )
    if place.datastore != "local":
        windmill("status", run_id)  # fetches the metadata
    for check in place.checks:
        _python(place, directory, check, ["check_flow.py", check, run_id, *top])


def _python(place: Place, directory: Path, stage: str, words: Sequence[str]) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=directory,
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=place.patience,
    )
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode:
        raise Failed(stage, said)
    return said


def wait(place: Place, run_id: str) -> bool:
    """Return whether the run's Windmill job succeeded, once it ended."""
    windmill = place.windmill()
    job = run_id.partition("-")[2]
    until = time.monotonic() + place.patience
    while time.monotonic() < until:
        outcome = windmill.outcome(job)
        if outcome.completed:
            return outcome.success
        time.sleep(0.5)
    windmill.cancel_job(job, "it took too long")
    raise Failed("the run did not end", "")


def run_all(wanted: Sequence[Any], place: Place, results: Path, at_once: int) -> list[Outcome]:
    """Run pairs, and write the outcome of each to a file as it comes."""
    lock = threading.Lock()

    def one(pair: Any) -> Outcome:  # noqa: ANN401
        outcome = attempt(pair, place)
        with lock, results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")
            print(outcome.test, outcome.graph, outcome.why or "passed", outcome.seconds, flush=True)
        return outcome

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, wanted))


def chosen(options: argparse.Namespace) -> list[Any]:
    """Return the pairs that were asked for and that have no result yet."""
    tests, graphs, skipped = map(_names, (options.tests, options.graphs, options.skip))
    lines = options.results.read_text(encoding="utf-8").splitlines() if options.results.exists() else []
    done = {(told["test"], told["graph"]) for told in map(json.loads, lines)}
    named = ((*name_of(pair), pair) for pair in pairs(options.core))
    return [
        pair
        for test, graph, pair in named
        if (not tests or test in tests)
        and (not graphs or graph in graphs)
        and test not in skipped
        and (test, graph) not in done
    ]


def _names(text: str) -> set[str]:
    return {word for word in text.split(",") if word}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("core", type=lambda text: Path(text).resolve(), help="test/core of a checkout of Metaflow")
    add("--results", type=Path, required=True, help="a line of JSON a pair; what has one there is not run")
    add("--tests", default="", help="names of test classes, by commas; default all")
    add("--graphs", default="", help="names of graphs, by commas; default all")
    add("--skip", default="", help="names of test classes to leave out, by commas")
    add(
        "--checks", default=",".join(CHECKS), help=f"which of the suite's checks (default {','.join(CHECKS)})"
    )
    add(
        "--server",
        help="the address of a Windmill whose workers see this machine's /tmp; default an embedded one",
    )
    add("--token", help="for --server; it may set environment variables of the workspace")
    add(
        "--workspace",
        default="admins",
        help="for --server (default admins); flows of folders f/GRAPH are left",
    )
    add("--datastore", default="local", help="local, or s3 with its variables in the environment")
    add("--at-once", type=int, default=2, help="pairs at a time (default 2)")
    add("--patience", type=float, default=600, help="seconds that a run may take (default 600)")
    options = parser.parse_args()
    if (options.server is None) != (options.token is None):
        parser.error("give both --server URL and --token T")
    return options


@contextmanager
def _server(options: argparse.Namespace, work: Path) -> Iterator[Mapping[str, str]]:
    """Give the variables of the server that was named, or of an embedded one."""
    if options.server is None:
        with local_server(work / "server", PYTHONPATH="") as server:
            yield server.environment
    else:
        values = (options.server, options.token, options.workspace)
        yield dict(zip(("WINDMILL_HOST", "WINDMILL_TOKEN", "WINDMILL_WORKSPACE"), values, strict=True))


def _tell_workers(server: Mapping[str, str]) -> None:
    """Let every job have the credentials of a store, as a workspace's environment variables."""
    workspace = f"{server['WINDMILL_HOST']}/api/w/{server['WINDMILL_WORKSPACE']}"
    address = f"{workspace}/workspaces/set_environment_variable"
    for name, value in os.environ.items():
        if name.startswith("AWS_"):
            headers = {"Authorization": f"Bearer {server['WINDMILL_TOKEN']}"}
            requests.post(address, json={"name": name, "value": value}, headers=headers, timeout=30)


def main() -> None:
    """Run what has no result yet, and sum up."""
    options = _options()
    wanted = chosen(options)
    print(f"{len(wanted)} pairs to run", flush=True)
    with tempfile.TemporaryDirectory(prefix="metaflow-core-") as folder:
        work = Path(folder)
        with _server(options, work) as server:
            _tell_workers(server)
            checks = options.checks.split(",")
            place = Place(options.core, work, server, options.patience, checks, options.datastore)
            outcomes = run_all(wanted, place, options.results, options.at_once)
    print(dict(Counter(outcome.why or "passed" for outcome in outcomes)))


if __name__ == "__main__":
    main()
