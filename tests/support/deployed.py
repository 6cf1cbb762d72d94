"""Deploy a flow by its own command line, run it on a Windmill, and read the run back."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import requests
from tests.support.patience import patient

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.windmill import Windmill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from subprocess import CompletedProcess

    from tests.support.oracle import Home, RunSeen

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Target:
    """A Windmill to run on."""

    host: str
    token: str
    workspace: str = "admins"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that tell a flow's command line where to go."""
        return {
            "WINDMILL_HOST": self.host,
            "WINDMILL_TOKEN": self.token,
            "WINDMILL_WORKSPACE": self.workspace,
        }

    @cached_property
    def client(self) -> Windmill:
        """A client with this target's token."""
        return Windmill(HttpTransport(self.host, self.token), self.workspace)

    def post(self, path: str, body: Json) -> str:
        """Ask for what the client has no call for; a path of the workspace, such as ``/variables/create``.

        Returns the answer's text: where a job was asked for, its id.
        """
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"{self.host}/api/w/{self.workspace}{path}"
        answer = requests.post(address, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.text


@dataclass(frozen=True)
class Deployed:
    """A flow file and where its commands go; `top` are options before ``windmill``."""

    home: Home
    target: Target
    flow: Path
    name: str
    top: tuple[str, ...] = ()

    def command(self, *words: str) -> CompletedProcess[str]:
        """Run a command of the flow's ``windmill`` group, whatever its exit code."""
        line = ("--quiet", "--no-pylint", *self.top, "windmill", *words)
        return self.home.python(self.flow, *line, env=self.target.environment)

    def create(self, *options: str) -> None:
        """Deploy the flow."""
        done = self.command("create", *options)
        assert done.returncode == 0, done.stdout + done.stderr

    def trigger(self, *options: str) -> str:
        """Start a run; return its run id."""
        return self._started("trigger", *options)

    def run(self, *options: str) -> str:
        """Deploy the flow and start a run, both in one process; return its run id."""
        return self._started("run", "--no-wait", *options)

    def resume(self, run_id: str, *options: str) -> str:
        """Go on from a run; return the new one's id."""
        return self._started("resume", run_id, "--no-wait", *options)

    def _started(self, *words: str) -> str:
        number = self.home.root / f"{self.flow.stem}.windmill"
        done = self.command(*words, f"--run-id-file={number}")
        assert done.returncode == 0, done.stdout + done.stderr
        return number.read_text(encoding="utf-8").strip()

    def wait(self, run_id: str, seconds: float = 150) -> Job:
        """Wait until the run's job is over; return the job."""
        job_id = run_id.removeprefix("windmill-")
        deadline = time.monotonic() + patient(seconds)
        while not self.target.client.outcome(job_id).completed:
            assert time.monotonic() < deadline, f"{run_id} is not over after {patient(seconds):.0f} s"
            time.sleep(0.1)
        return self.target.client.get_job(job_id)

    def step_job(self, run_id: str, step: str) -> Job:
        """Return the job of a step that stands in no loop and no branch."""
        modules = self.target.client.get_job(run_id.removeprefix("windmill-")).flow_status["modules"]
        (job_id,) = (module["job"] for module in modules if module["id"] == step)
        return self.target.client.get_job(job_id)

    def finish(self, run_id: str, seconds: float = 150) -> RunSeen:
        """Wait until the run is over; return what Metaflow's client tells of it."""
        job = self.wait(run_id, seconds)
        log = json.dumps(job.result, indent=1)
        if self.home.environment["METAFLOW_DEFAULT_DATASTORE"] != "local":  # then no disk need be shared
            fetched = self.command("status", run_id)  # what tasks told Metaflow of themselves
            assert fetched.returncode == 0, fetched.stderr
        (seen,) = self.home.read(f"{self.name}/{run_id}", told=log)
        assert seen.successful == (job.state.value == "SUCCEEDED"), (job, seen)
        return replace(seen, log=log)


def run_on_windmill(
    home: Home,
    target: Target,
    flow: Path,
    name: str,
    *,
    create: Sequence[str] = (),
    trigger: Sequence[str] = (),
) -> RunSeen:
    """Deploy a flow, run it once, and return what Metaflow's client tells of the run."""
    deployed = Deployed(home, target, flow, name)
    return deployed.finish(deployed.run(*create, *trigger))
