"""Run the jobs of single tasks as a Windmill worker does, without a server, to look at them closely."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.support.oracle import ROOT

from metaflow_windmill.contract.pack import Pack
from metaflow_windmill.contract.record import PackageInfo, ParameterInfo, Record, StoreInfo
from metaflow_windmill.contract.task_spec import Input, ParentStep, TaskSpec
from metaflow_windmill.package.script import step_script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.oracle import Home

    from metaflow_windmill.contract.task_spec import At
    from metaflow_windmill.types import Json

FLOWS = ROOT / "tests/e2e/one_task/flows"
TOKEN = "the-token-of-the-job"
MODULE = Path("f/flows/tested/a_step.py")

# What Windmill 1.788's worker does around a script, in our words: import it, call main with the
# arguments, keep the result or the exception.
WRAPPER = """
import json, os, sys, traceback
from f.flows.tested import a_step as inner_script
with open("args.json") as file:
    args = json.load(file)
try:
    result, status = inner_script.main(**args), 0
except BaseException as error:
    lines = traceback.format_tb(error.__traceback__)[1:]
    result, status = {"message": str(error), "name": type(error).__name__, "stack": "\\n".join(lines)}, 1
    result.update({"extra": vars(error)} if vars(error) else {})
with open(os.path.join(os.path.dirname(__file__), "result.json"), "w") as file:
    json.dump(result, file)
sys.exit(status)
"""


@dataclass(frozen=True)
class JobEnd:
    """How a job ended; `result` is its result, or its error, or None where it was killed."""

    status: int
    result: Json
    log: str
    errors: str

    def ok(self) -> Json:
        """The result of a job that succeeded."""
        assert self.status == 0, self
        return self.result

    def failed(self) -> Json:
        """The error of a job that failed."""
        assert self.status == 1, self
        return self.result


def spec(step: str, *parents: str, at: At = "same", **more: Json) -> TaskSpec:
    """The spec of a step with one candidate an input; ``again:`` marks one that returns to itself."""
    inputs = tuple(
        Input((ParentStep(name.removeprefix("again:"), recursive=name.startswith("again:")),), at)
        for name in parents
    )
    return TaskSpec(step, inputs=inputs, **more)


def deploy(home: Home, flow: Path, **more: Json) -> Record:
    """Save the code package of a flow in the home's datastore; return the deployment's record."""
    store = home.root / ".metaflow"
    store.mkdir(exist_ok=True)
    done = home.python(ROOT / "tests/support/package_flow.py", flow, store)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    place = StoreInfo("local", str(store))
    record = Record(found["flow"], "tester", "token-of-tests", PackageInfo(**found["package"]), place, place)
    parameters = tuple(ParameterInfo(**info) for info in found["parameters"])
    return replace(record, parameters=parameters, **more)


def _first(task: TaskSpec | Pack) -> TaskSpec:
    return task.steps[0] if isinstance(task, Pack) else task


@dataclass(frozen=True)
class StartedJob:
    """A job that runs."""

    process: subprocess.Popen[bytes]
    directory: Path

    def end(self, timeout: float = 120) -> JobEnd:
        """Wait for its end."""
        written = self.process.communicate(timeout=timeout)
        log, errors = (text.decode(errors="backslashreplace") for text in written)
        file = self.directory / "result.json"
        result = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
        return JobEnd(self.process.returncode, result, log, errors)

    def kill(self) -> JobEnd:
        """Kill all of its processes at once, as the death of a worker does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        return self.end()


@dataclass(frozen=True)
class Worker:
    """A worker at work on one run of a flow; each job is a process of its own.

    Parameters
    ----------
    home : Home
    flow : Path
        The flow file.
    record : Record
        What was deployed of it.
    root : str
        The id of the flow's job.
    python : sequence of str
        The interpreter of the jobs.
    """

    home: Home
    flow: Path
    record: Record
    root: str = field(default_factory=lambda: str(uuid4()))
    python: Sequence[str] = (sys.executable,)

    @classmethod
    def at(cls, home: Home, name: str, **more: Json) -> Worker:
        """A worker with one of the flows for such tests deployed."""
        flow = home.write(name, (FLOWS / f"{name}.py").read_text(encoding="utf-8"))
        return cls(home, flow, deploy(home, flow, **more))

    def again(self) -> Worker:
        """A worker at another run of the flow."""
        return replace(self, root=str(uuid4()))

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return f"windmill-{self.root}"

    def start(
        self, task: TaskSpec | Pack, *at: int, env: Mapping[str, str] | None = None, **args: Json
    ) -> StartedJob:
        """Start a job; `at` holds the position, outermost loop first, and ``items=[first, end]`` a pack's."""
        number = str(uuid4())
        directory = self.home.root / "jobs" / number
        (directory / MODULE).parent.mkdir(parents=True)
        (directory / MODULE).write_text(step_script(), encoding="utf-8")
        (directory / "wrapper.py").write_text(WRAPPER, encoding="utf-8")
        (directory / "args.json").write_text(json.dumps(self._args(task, at, args)), encoding="utf-8")
        process = subprocess.Popen(
            [*self.python, "-u", "-m", "wrapper"],
            cwd=directory,
            env={**self._environment(_first(task).step, number), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return StartedJob(process, directory)

    def job(
        self, task: TaskSpec | Pack, *at: int, env: Mapping[str, str] | None = None, **args: Json
    ) -> JobEnd:
        """Run a job to its end."""
        return self.start(task, *at, env=env, **args).end()

    def seen(self, task: str) -> Json:
        """What Metaflow's client shows of a task, given as ``step/task``."""
        pathspec = f"{self.record.flow}/{self.run_id}/{task}"
        done = self.home.python(ROOT / "tests/support/read_task.py", pathspec)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def command(self, *words: str) -> str:
        """What a command of the flow prints."""
        done = self.home.python(self.flow, "--no-pylint", "--quiet", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _args(self, task: TaskSpec | Pack, at: tuple[int, ...], more: dict[str, Json]) -> dict[str, Json]:
        start: dict[str, Json] = {"run": self.run_id} if _first(task).inputs else {"parameters": {}}
        given: dict[str, Json] = {
            f"level_{depth}": {"index": index, "value": index} for depth, index in enumerate(at)
        }
        if "items" in more:
            given[f"level_{len(at)}"] = {"index": 0, "value": more.pop("items")}
        return {"task": task.to_json(), "deployment": self.record.to_json(), **start, **given, **more}

    def _environment(self, step: str, number: str) -> dict[str, str]:
        """The variables of a job: Windmill clears what the worker has."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home.root),
            "TZ": "UTC",
            "WM_WORKSPACE": "admins",
            "WM_TOKEN": TOKEN,
            "WM_BASE_URL": "http://windmill.test",
            "WM_JOB_ID": number,
            "WM_FLOW_JOB_ID": self.root,
            "WM_ROOT_FLOW_JOB_ID": self.root,
            "WM_ROOT_JOB_ID": self.root,
            "WM_FLOW_STEP_ID": step,
            "WM_FLOW_PATH": "f/flows/Tested",
            "METAFLOW_WINDMILL_CACHE": str(self.home.root / "cache"),
        }
