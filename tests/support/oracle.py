"""Run a flow by ``python flow.py run`` and say, in sentences, how a run elsewhere differs from that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tests.support.patience import patient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaflow_windmill.types import Json

ROOT = Path(__file__).parents[2]
SETTINGS = "METAFLOW_WINDMILL_TEST_SETTINGS"
"""The variable with the settings of homes that name none, in JSON: see `tests.support.islands.everywhere`."""
Place: TypeAlias = tuple[str, tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class TaskSeen:
    """A task as Metaflow's client shows it; `artifacts` are values' reprs, `job` is Windmill's."""

    id: str
    place: Place
    parents: tuple[Place, ...]
    job: str | None
    attempt: int
    successful: bool
    exception: str | None
    artifacts: Mapping[str, str]


@dataclass(frozen=True)
class RunSeen:
    """A run as Metaflow's client shows it, and what the one who ran it was told."""

    finished: bool
    successful: bool
    tasks: tuple[TaskSeen, ...]
    log: str = field(default="", repr=False)

    def at(self, step: str, *indices: int, turn: int | None = None) -> TaskSeen:
        """Return the one task at a place."""
        place = (step, indices, () if turn is None else (turn,))
        (task,) = (task for task in self.tasks if task.place == place)
        return task

    def count(self, step: str) -> int:
        """Return how many tasks a step has."""
        return sum(task.place[0] == step for task in self.tasks)


def usual_settings() -> dict[str, str]:
    """Return the settings of a home where nobody names any."""
    settings: dict[str, str] = json.loads(os.environ.get(SETTINGS, "{}"))
    return settings


@dataclass(frozen=True)
class Home:
    """A directory that is one user's whole Metaflow: configuration, datastore, metadata, flow files.

    `settings` are environment variables on top of those that make it so; `patience` is how many seconds a
    command may take.
    """

    root: Path
    settings: Mapping[str, str] = field(default_factory=usual_settings)
    patience: float = 170

    @property
    def environment(self) -> dict[str, str]:
        """The environment for Metaflow's processes: this one's without what is Metaflow's or Windmill's."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("METAFLOW_", "WM_", "WINDMILL_"))
        }
        return {
            **kept,
            # Metaflow's gang starts its nodes by the word `python`.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "METAFLOW_HOME": str(self.root / "config"),
            "METAFLOW_PROFILE": "",
            "METAFLOW_USER": "tester",
            "METAFLOW_DEFAULT_DATASTORE": "local",
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(self.root),
            # One that all share has a folder for each flow of each test, and each reader lists them all.
            "METAFLOW_CLIENT_CACHE_PATH": str(self.root / "client_cache"),
            "PYTHONIOENCODING": "utf-8",
            **self.settings,
        }

    def write(self, name: str, text: str) -> Path:
        """Write a flow file into the home; return its path."""
        path = self.root / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        return path

    def python(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Python in the home, whatever its exit code."""
        command = [sys.executable, *map(str, arguments)]
        environment = {**self.environment, **(env or {})}
        return subprocess.run(
            command,
            cwd=self.root,
            env=environment,
            timeout=patient(timeout or self.patience),
            check=False,
            text=True,
            capture_output=True,
        )

    def read(self, *pathspecs: str, told: str = "") -> list[RunSeen]:
        """Read runs back through Metaflow's client; `told` is what explains a run that is not there."""
        done = self.python(ROOT / "tests/support/read_runs.py", *pathspecs)
        assert done.returncode == 0, f"{done.stderr}\n{told}"
        return [run_seen(run) for run in json.loads(done.stdout)]


def run_locally(
    home: Home, flow: Path, name: str, *options: str, env: Mapping[str, str] | None = None
) -> RunSeen:
    """Run a flow file by Metaflow's own runtime.

    Parameters
    ----------
    home : Home
    flow : Path
        The flow file.
    name : str
        The name of its flow class.
    options : str
        Options and parameters of ``run``.
    env : mapping or None
        Environment variables on top of the home's.
    """
    number = home.root / f"{flow.stem}.local"
    command = ["--quiet", "--no-pylint", "run", "--max-workers=2", f"--run-id-file={number}", *options]
    done = home.python(flow, *command, env=env)
    log = done.stdout + done.stderr
    assert number.exists(), f"the flow did not start:\n{log}"
    (seen,) = home.read(f"{name}/{number.read_text()}")
    assert (done.returncode == 0) == seen.successful, log
    return RunSeen(seen.finished, seen.successful, seen.tasks, log)


def run_seen(run: Json) -> RunSeen:
    """Return a run that was written as JSON."""
    return RunSeen(run["finished"], run["successful"], tuple(_task_seen(task) for task in run["tasks"]))


def _task_seen(task: Json) -> TaskSeen:
    place, parents = _place(task["place"]), tuple(_place(parent) for parent in task["parents"])
    return TaskSeen(**{**task, "place": place, "parents": parents})


def _place(plain: Json) -> Place:
    return plain[0], tuple(plain[1]), tuple(plain[2])


def compare(local: RunSeen, windmill: RunSeen) -> list[str]:
    """Return what differs between a local run and a run on Windmill, one sentence each.

    Of a failed run, only the tasks that both have are compared: which of its other tasks
    had begun when it failed depends on the moment.
    """
    if local.successful != windmill.successful:
        return [f"Locally the run {_outcome(local)}, on Windmill it {_outcome(windmill)}."]
    ours, theirs = _by_place(windmill.tasks), _by_place(local.tasks)
    differences = _counts(local, windmill) if local.successful else []
    for place in sorted(ours.keys() & theirs.keys()):
        differences += _task_differences(theirs[place], ours[place])
    return differences


def _outcome(run: RunSeen) -> str:
    return "succeeded" if run.successful else "failed"


def _by_place(tasks: Iterable[TaskSeen]) -> dict[Place, TaskSeen]:
    return {task.place: task for task in tasks}


def _counts(local: RunSeen, windmill: RunSeen) -> list[str]:
    theirs, ours = (Counter(task.place for task in run.tasks) for run in (local, windmill))
    return [
        f"{_called(place)} has {theirs[place]} task(s) locally, {ours[place]} on Windmill."
        for place in sorted(theirs.keys() | ours.keys())
        if theirs[place] != ours[place]
    ]


def _called(place: Place) -> str:
    step, indices, turns = place
    where = f"[{','.join(map(str, indices))}]" if indices else ""
    return f"{step}{where}{f' turn {turns[-1]}' if turns else ''}"


def _task_differences(local: TaskSeen, windmill: TaskSeen) -> list[str]:
    name = _called(local.place)
    told = [
        f"{name}: {what} is {theirs!r} locally, {ours!r} on Windmill."
        for what, theirs, ours in (
            ("the attempt", local.attempt, windmill.attempt),
            ("success", local.successful, windmill.successful),
            ("the exception", local.exception, windmill.exception),
            ("the set of parents", local.parents, windmill.parents),
        )
        if theirs != ours
    ]
    return told + [
        f"{name}: the artifact {key} is {local.artifacts.get(key, 'absent')} locally,"
        f" {windmill.artifacts.get(key, 'absent')} on Windmill."
        for key in sorted(local.artifacts.keys() | windmill.artifacts.keys())
        if local.artifacts.get(key) != windmill.artifacts.get(key)
    ]
