"""What is done over a bad way: by every client that there is, each thing once and never again."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import requests
from tests.support.deployed import Target
from tests.support.server import wait_until
from tests.support.soak.doing import FLOWS, MIXED, Doing

from metaflow_windmill.client.site import find_address, open_site
from metaflow_windmill.deployment.described.worker_tags import SETTING
from metaflow_windmill.events import publish_event
from metaflow_windmill.events.publish import new_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.git_repository import GitRepository
    from tests.support.oracle import Home

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

T = TypeVar("T")
FOLDER = "f/git"
CONFIGURATION = "f/git/repository"
SECRET = "webhook-secret"
DEPLOYER = """\
import sys
from metaflow import Deployer
deployer = Deployer(sys.argv[1], pylint=False, show_output=False)
run = deployer.windmill(windmill_host=sys.argv[2]).create().trigger(number=int(sys.argv[3]))
print("PATHSPEC", run.pathspec)
"""


@dataclass(frozen=True)
class Patient(Target):
    """A Windmill that is asked as the commands ask it: with patience, and only with that.

    Parameters
    ----------
    tag : str
        Of the workers that run all steps; empty for any.
    """

    tag: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a flow's command line."""
        rules = {SETTING: json.dumps([{"tag": self.tag}])} if self.tag else {}
        return {**super().environment, **rules}

    @cached_property
    def client(self) -> Windmill:
        """A client as `open_site` makes it."""
        return open_site(find_address(self.host, self.token, self.workspace)).windmill


class Once(Doing):
    """The director of a soak, who does nothing again that failed: the patience of the clients counts."""

    def __init__(self, home: Home, target: Target, seed: int, flows: tuple[str, ...] = MIXED) -> None:
        super().__init__(home, target, seed, flows)
        self.wrong: list[str] = []
        self.deployments: Counter[str] = Counter()

    def deploy(self, flow: str) -> None:
        """Deploy the next version of a flow."""
        super().deploy(flow)
        self.deployments[flow] += 1

    def _insist(self, what: Callable[[], T]) -> T:
        return what()

    @property
    def started(self) -> int:
        """How many runs were asked for, by events as well: two of three of them start one."""
        return len(self.asks.runs) + sum(map(len, self.asks.events.values())) * 2 // 3

    def one(self) -> None:
        """Do one thing, and note what it came to if it could not be done."""
        runs = (self._by_command, self._by_deployer, self._run, self._terminated)
        others = (self._resumed, self._published, self._redeployed)
        what = self._drawn.choices((*runs, *others), (24, 6, 34, 8, 6, 18, 4))[0]
        try:
            what()
        except Exception as why:  # noqa: BLE001 - whatever it is, it is counted
            self.wrong.append(f"{what.__name__}: {type(why).__name__}: {why}")

    def _by_command(self) -> None:
        flow, number = self._drawn.choice(self._flows), self._drawn.randrange(100)
        run = self._deployed(flow).trigger(f"--number={number}")
        self._note(flow, run.removeprefix("windmill-"), number, "SUCCEEDED")
        self.asks.count("runs by the command line")

    def _by_deployer(self) -> None:
        flow, number = self._drawn.choice(self._flows), self._drawn.randrange(100)
        file = self._home.write("deployer", DEPLOYER)
        said = (file, self._folder(flow) / "flow.py", self._target.host, str(number))
        done = self._home.python(*said, env=self._target.environment, timeout=300)
        assert "PATHSPEC" in done.stdout, done.stdout + done.stderr
        self.deployments[flow] += 1
        run = done.stdout.partition("PATHSPEC ")[2].split()[0].rpartition("/")[2]
        self._note(flow, run.removeprefix("windmill-"), number, "SUCCEEDED")
        self.asks.count("runs by the Deployer")

    def _published(self) -> None:
        name = self._drawn.choice(("soak-one", "soak-left", "soak-right"))
        event = new_event(name, {}, f"{name}-{len(self.asks.events.get(name, []))}")
        self.asks.events.setdefault(name, []).append(event.id)
        where = {"host": self._target.host, "token": self._target.token}
        for _ in range(2 if self._drawn.random() < 0.25 else 1):
            published = publish_event(name, {}, event_id=event.id, workspace=self._target.workspace, **where)
            assert not published.failures, published.failures
            self._live |= {item.job for item in published.deliveries if item.job}
            self.asks.count("events")


@dataclass(frozen=True)
class FromGit:
    """A repository whose flow is deployed by the scripts of the workspace; their jobs ask that way too.

    Parameters
    ----------
    target : Patient
    origin : GitRepository
    store : Path
        The datastore of its flow.
    """

    target: Patient
    origin: GitRepository
    store: Path

    @property
    def configuration(self) -> dict[str, Json]:
        """The ``metaflow_repo`` resource."""
        where = {"folder": FOLDER, "datastore": "local", "datastore_root": str(self.store)}
        tag = {"worker_tag": self.target.tag} if self.target.tag else {}
        return {"url": self.origin.url, "branch": "main", "webhook_secret": SECRET, **where, **tag}

    def deploy(self, number: int) -> str:
        """Commit a version and have it deployed and started; return the run's job."""
        files = {"flow.py": (FLOWS / "soak_linear.py").read_text(), "version.py": f"VERSION = {number}\n"}
        commit = self.origin.commit({**files, "noted.py": (FLOWS / "noted.py").read_text()})
        (self._asked_to, self._looked, self._pushed)[number % 3](commit)
        job = str(uuid.uuid4())
        return self.target.client.run_flow(f"{FOLDER}/SoakLinear", {"number": number}, job)

    def _asked_to(self, _commit: str) -> None:
        self._script("compile_and_deploy", {"configuration": self.configuration})

    def _looked(self, _commit: str) -> None:
        self._script("redeploy_if_changed", {"configuration": CONFIGURATION})

    def _pushed(self, commit: str) -> None:
        """Deliver a push as a git host does, again under the same name until it is taken, or given up.

        A delivery whose answer was lost may have been taken: each job that came of it has to end well.
        """
        ended = self._over("redeploy_on_push", set())
        body = json.dumps({"ref": "refs/heads/main", "after": commit}).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Authorization": f"Bearer {self.target.token}",
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": commit,
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        where = f"{self.target.host}/api/w/{self.target.workspace}/jobs/run/p/f/metaflow/redeploy_on_push"
        asked = {"raw": "true", "configuration": CONFIGURATION}
        for _ in range(8):
            with suppress(requests.RequestException):
                answer = requests.post(where, params=asked, headers=headers, data=body, timeout=60)
                if answer.ok:
                    break
        else:
            raise AssertionError(f"the push of {commit} was not taken")
        self._over("redeploy_on_push", ended)

    def _script(self, name: str, args: dict[str, Json]) -> None:
        job = self.target.client.run_script(f"f/metaflow/{name}", args, str(uuid.uuid4()))
        self._ended(name, job)

    def _over(self, name: str, known: set[str]) -> set[str]:
        """Wait until all jobs of a script that are not known are over; each has to end well."""
        found = self.target.client.list_jobs(script_path_exact=f"f/metaflow/{name}", job_kinds="script")
        for job in {job.id for job in found} - known:
            self._ended(name, job)
        return known | {job.id for job in found}

    def _ended(self, name: str, job: str) -> None:
        windmill = self.target.client
        wait_until(lambda: windmill.outcome(job).completed, 900, f"{name} {job} is not over")
        done = windmill.outcome(job)
        assert done.success, f"{name}: {done.result}"
