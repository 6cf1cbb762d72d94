"""What a soak does while it lasts: drawn one after the other, repeated until the server has taken it."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tests.support.deployed import Deployed
from tests.support.soak.told import Asked, Asks

from metaflow_windmill.errors import Conflict, WindmillError
from metaflow_windmill.events.publish import new_event, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.deployed import Target
    from tests.support.oracle import Home

    from metaflow_windmill.events.publish import Published

FLOWS = Path(__file__).parent / "flows"
MIXED = ("SoakLinear", "SoakForeach", "SoakSwitch", "SoakRetries", "SoakSplit")
TOLD = ("SoakTicks", "SoakHeard", "SoakPair")
EVERY = 10
"""Seconds between two ticks of the schedule."""
PATIENCE = 300.0
"""Seconds in which a server that was killed has to take what it is asked for."""
LONGEST = 900.0
"""Seconds that one run may take, on a machine with other work and under kills."""
T = TypeVar("T")


class Doing:
    """The director of a soak.

    Parameters
    ----------
    home : Home
        Of the one who deploys.
    target : Target
    seed : int
    flows : tuple of str
        Those that are started by hand.
    """

    def __init__(self, home: Home, target: Target, seed: int, flows: tuple[str, ...] = MIXED) -> None:
        self._home, self._target, self._flows = home, target, flows
        self._drawn = random.Random(f"doing {seed}")
        self.asks = Asks()
        self._versions: dict[str, int] = {}
        self._live: set[str] = set()

    def deploy(self, flow: str) -> None:
        """Deploy the next version of a flow."""
        version = self._versions.get(flow, 0) + 1
        (self._folder(flow) / "version.py").write_text(f"VERSION = {version}\n")
        deployed = self._deployed(flow)
        self._insist(deployed.create)
        self._versions[flow] = version
        self.asks.count("deploys")

    def schedule(self) -> None:
        """Have a flow run every few seconds."""
        path = "f/flows/SoakTicks"
        self._insist(
            lambda: self._target.client.schedules.create(
                {
                    "path": path,
                    "script_path": path,
                    "is_flow": True,
                    "schedule": f"*/{EVERY} * * * * *",
                    "timezone": "UTC",
                    "args": {},
                    "enabled": True,
                    "cron_version": "v2",
                }
            )
        )

    def unschedule(self) -> None:
        """Have it run no more."""
        self._insist(lambda: self._target.client.schedules.enable("f/flows/SoakTicks", enabled=False))

    def one(self) -> None:
        """Do one thing of what a soak does."""
        what = self._drawn.choices(
            (self._run, self._terminated, self._redeployed, self._resumed, self._published),
            (50, 10, 6, 6, 28),
        )[0]
        what()

    def live(self) -> int:
        """Return how many runs are not over."""
        for run in list(self._live):
            if self._insist(partial(self._target.client.outcome, run)).completed:
                self._live.discard(run)
        return len(self._live)

    def _run(self) -> None:
        self._start(self._drawn.choice(self._flows))
        self.asks.count("triggers")

    def _terminated(self) -> None:
        run = self._start(self._drawn.choice(self._flows), end="ANY")
        time.sleep(self._drawn.uniform(0, 3))
        self._insist(lambda: self._target.client.cancel_job(run, "as asked for"))
        self.asks.count("terminations")

    def _redeployed(self) -> None:
        self.deploy(self._drawn.choice(self._flows))

    def _resumed(self) -> None:
        """Have a run fail, mend what it failed for, and go on from there."""
        broken = self._home.root / f"broken-{uuid.UUID(int=self._drawn.getrandbits(128))}"
        broken.touch()
        number = self._drawn.randrange(100)
        first = self._start("SoakResumed", end="FAILED", number=number, broken=str(broken))
        self._wait(first)
        broken.unlink()
        second = self._insist(lambda: self._resume(first))
        self._note("SoakResumed", second, number, "SUCCEEDED")
        self.asks.count("resumes")

    def _resume(self, first: str) -> str:
        """Resume a run; a command that died may have started it all the same."""
        known = {asked.run for asked in self.asks.runs}
        for job in self._target.client.list_runs("f/flows/SoakResumed"):
            if f"windmill-{job.id}" not in known:
                return job.id
        file = self._home.root / "resumed"
        file.unlink(missing_ok=True)
        done = self._deployed("SoakResumed").command(
            "resume", f"windmill-{first}", "--no-wait", f"--run-id-file={file}"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return file.read_text().strip().removeprefix("windmill-")

    def _published(self) -> None:
        """Publish an event, one in four of them twice."""
        name = self._drawn.choice(("soak-one", "soak-left", "soak-right"))
        event = new_event(name, {}, f"{name}-{len(self.asks.events.get(name, []))}")
        self.asks.events.setdefault(name, []).append(event.id)
        for _ in range(2 if self._drawn.random() < 0.25 else 1):
            published = self._insist(lambda: _delivered(publish(self._target.client, event)))
            self._live |= {item.job for item in published.deliveries if item.job}
            self.asks.count("events")

    def _start(self, flow: str, end: str = "SUCCEEDED", number: int | None = None, **more: str) -> str:
        job = str(uuid.UUID(int=self._drawn.getrandbits(128), version=4))
        number = self._drawn.randrange(100) if number is None else number
        self._note(flow, job, number, end)
        self._insist(lambda: self._sent(flow, {"number": number, **more}, job))
        return job

    def _sent(self, flow: str, args: dict[str, object], job: str) -> None:
        try:
            self._target.client.run_flow(f"f/flows/{flow}", args, job)
        except Conflict:  # It was taken, and the answer was lost.
            self.asks.count("answers lost")

    def _note(self, flow: str, job: str, number: int, end: str) -> None:
        version = self._versions[flow]
        self.asks.runs.append(Asked(flow, f"windmill-{job}", number, end, version))  # type: ignore[arg-type]
        self._live.add(job)

    def _wait(self, job: str) -> None:
        deadline = time.monotonic() + LONGEST
        while not self._insist(lambda: self._target.client.outcome(job)).completed:
            assert time.monotonic() < deadline, f"{job} is not over"
            time.sleep(0.2)

    def _deployed(self, flow: str) -> Deployed:
        return Deployed(self._home, self._target, self._folder(flow) / "flow.py", flow)

    def _folder(self, flow: str) -> Path:
        folder = self._home.root / flow
        if not folder.exists():
            folder.mkdir()
            shutil.copy(FLOWS / f"soak_{flow.removeprefix('Soak').lower()}.py", folder / "flow.py")
            shutil.copy(FLOWS / "noted.py", folder)
        return folder

    def _insist(self, what: Callable[[], T]) -> T:
        """Do something until the server has taken it: it may be dead now, and is back in a moment."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return what()
            except (WindmillError, AssertionError, subprocess.TimeoutExpired):  # noqa: PERF203
                self.asks.count("asked again")
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)


def _delivered(published: Published) -> Published:
    """Return what was published; it is to be published again where a flow could not be started."""
    assert not published.failures, published.failures
    return published
