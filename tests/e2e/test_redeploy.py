"""A push becomes a deployment: by webhook, by HTTP route, by a schedule's look at the head."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.git_repository import GitRepository, new_repository
from tests.support.git_server import GitHost, git_host
from tests.support.server import wait_until
from tests.support.workspace import Workspace, flow_file, outcomes, reasons

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.workspace.compiling.configuration import read_configuration
from metaflow_windmill.workspace.compiling.pipeline import DeployRequest, deploy_newest
from metaflow_windmill.workspace.script_job import job_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from metaflow_windmill.client.transport import Request, Response

ROUTE = "/api/r/{workspace}/metaflow/push"
ON_PUSH = "/jobs/run/p/f/metaflow/redeploy_on_push"
SECRET = "webhook-secret"
TWO: dict[str, str] = {"flows/one.py": flow_file("OneFlow"), "flows/two.py": flow_file("TwoFlow")}


@dataclass
class Team:
    """A repository on a git host, its configuration in the workspace, and the host's webhook."""

    place: Workspace
    origin: GitRepository
    host: GitHost
    name: str
    clone: Path
    deliveries: int = 0

    @property
    def configuration(self) -> str:
        return f"f/{self.name}/flows_repo"

    def configure(self, **more: Any) -> None:
        value = {
            "url": f"{self.host.url}/flows.git",
            "branch": "main",
            "ca_certificates": self.host.ca_certificates,
            "webhook_secret": SECRET,
            "folder": f"f/{self.name}",
            "owner": "team",
            "datastore": "local",
            "datastore_root": str(self.place.store),
        }
        self.place.resource(self.configuration, {**value, **more})

    def push(self, files: dict[str, str], branch: str = "main") -> str:
        """Commit in a clone and push it, as a person does; return the commit."""
        self.git("checkout", "--quiet", "-B", branch)
        for path, text in files.items():
            (self.clone / path).parent.mkdir(parents=True, exist_ok=True)
            (self.clone / path).write_text(text)
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "m")
        self.git("push", "--quiet", "--force", "origin", branch)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        names = {
            f"GIT_{who}_{what}": "a@example.com"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        authorities = self.clone.parent / "authorities.pem"
        authorities.write_text(self.host.ca_certificates)
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_SSL_CAINFO": str(authorities),
            "HOME": "/nonexistent",
            **names,
        }
        done = subprocess.run(
            ["git", *words], cwd=self.clone, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def deliver(
        self,
        ref: str,
        commit: str,
        *,
        secret: str = SECRET,
        delivery: str = "",
        route: str = "",
        token: str | None = None,
        **more: Any,
    ) -> Any:
        """Send a webhook as GitHub does; return the answer."""
        body = json.dumps({"ref": ref, "after": commit, **more}).encode()
        self.deliveries += 1
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "ping" if more.get("zen") else "push",
            "X-GitHub-Delivery": delivery or f"{self.name}-{self.deliveries}",
            "X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}",
        }
        path = route.format(workspace=self.place.server.workspace) or ON_PUSH
        address = f"{path}?raw=true&configuration={self.configuration}"
        return self.place.server.ask("POST", address, token, data=body, headers=headers)

    def job_of(self, answer: Any) -> Any:
        assert answer.status_code == 201, answer.text
        return self.place.server.finished(answer.text.strip('"'), 120)

    def commit_of(self, flow: str) -> str:
        return str(self.place.record(f"f/{self.name}/{flow}")["git"]["commit"])

    @property
    def state(self) -> Any:
        return self.place.server.get(f"/resources/get_value/{self.configuration}_state")


@pytest.fixture
def team(place: Workspace, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Team]:
    name = f"team{abs(hash(request.node.name)) % 10**8}"
    origin = new_repository(tmp_path / "host" / "flows.git", TWO)
    with git_host(tmp_path / "host", tmp_path / "tls") as host:
        made = Team(place, origin, host, name, tmp_path / "clone")
        made.clone.mkdir()
        made.git("clone", "--quiet", f"{host.url}/flows.git", ".")
        made.configure()
        yield made


def test_a_push_is_deployed_and_a_second_one_deploys_what_it_changed(team: Team) -> None:
    jobs: list[Any] = []
    team.host.on_push = lambda _, ref, commit: jobs.append(team.deliver(ref, commit))
    first = team.push({"README.md": "hello"})
    wait_until(lambda: jobs, 60, "the push was not delivered")
    job = team.job_of(jobs[0])
    assert outcomes(job) == {"OneFlow": "created", "TwoFlow": "created"}, reasons(job)
    assert team.place.run(f"f/{team.name}/OneFlow")["success"]
    second = team.push({"flows/two.py": flow_file("TwoFlow", "two")})
    wait_until(lambda: jobs[1:], 60, "the second push was not delivered")
    job = team.job_of(jobs[1])
    assert outcomes(job) == {"OneFlow": "unchanged", "TwoFlow": "updated"}
    assert (team.commit_of("OneFlow"), team.commit_of("TwoFlow")) == (first, second)
    assert team.state["commit"] == second
    assert len(team.state["deliveries"]) == 2
    kept = team.place.server.get(f"/jobs_u/get_args/{job['id']}")
    assert set(kept) == {"configuration", "push"}
    assert SECRET not in json.dumps(kept)


def test_a_forged_signature_deploys_nothing(team: Team) -> None:
    commit = team.origin.git("rev-parse", "main")
    asked = len(team.host.requests)
    for secret in ("guessed", "", SECRET.upper()):
        job = team.job_of(team.deliver("refs/heads/main", commit, secret=secret))
        assert not job["success"]
        assert "not signed with this configuration's 'webhook_secret'" in reasons(job)
    assert team.place.flows(f"f/{team.name}") == []
    assert len(team.host.requests) == asked


def test_the_payload_is_a_hint_only(team: Team, tmp_path: Path) -> None:
    """A signed push that tells of another repository, folder and commit gets none of them."""
    evil = new_repository(tmp_path / "evil.git", {"evil.py": flow_file("EvilFlow")})
    more: dict[str, Any] = {
        "repository": {"clone_url": evil.url, "url": evil.url},
        "folder": "f/elsewhere",
        "configuration": "f/x/y",
    }
    job = team.job_of(team.deliver("refs/heads/main", "e" * 40, **more))
    assert outcomes(job) == {"OneFlow": "created", "TwoFlow": "created"}
    assert team.commit_of("OneFlow") == team.origin.git("rev-parse", "main")


def test_what_is_no_push_to_the_branch_is_told_and_ignored(team: Team) -> None:
    commit = team.origin.git("rev-parse", "main")
    asked = len(team.host.requests)
    ignored: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("", {"zen": "Speak like a human."}, "pong"),
        ("refs/tags/v1", {}, "not a branch"),
        ("refs/heads/main", {"deleted": True}, "deleted"),
    )
    for ref, more, word in ignored:
        job = team.job_of(team.deliver(ref, commit, **more))
        assert job["success"], job["result"]
        assert word in job["result"]["why"]
    assert len(team.host.requests) == asked
    job = team.job_of(team.deliver("refs/heads/feature", commit))
    assert "feature, but main is deployed" in job["result"]["why"]
    assert team.place.flows(f"f/{team.name}") == []


def test_a_replayed_delivery_is_ignored(team: Team) -> None:
    commit = team.origin.git("rev-parse", "main")
    team.job_of(team.deliver("refs/heads/main", commit, delivery="the-one"))
    asked = len(team.host.requests)
    job = team.job_of(team.deliver("refs/heads/main", commit, delivery="the-one"))
    assert "dealt with before" in job["result"]["why"]
    assert len(team.host.requests) == asked


def test_the_http_route_needs_no_token_but_the_signature(team: Team) -> None:
    server = team.place.server
    commit = team.origin.git("rev-parse", "main")
    assert team.deliver("refs/heads/main", commit, route=ROUTE).status_code == 404
    server.post("/http_triggers/setmode/f/metaflow/push", {"mode": "enabled"})
    try:
        answer = team.deliver("refs/heads/main", commit, secret="guessed", route=ROUTE, token="nobody")
        while answer.status_code == 404:  # a real server hears of routes some seconds later
            answer = team.deliver("refs/heads/main", commit, secret="guessed", route=ROUTE, token="nobody")
        assert "not signed" in reasons(team.job_of(answer))
        answer = team.deliver("refs/heads/main", commit, route=ROUTE, token="nobody")
        assert outcomes(team.job_of(answer)) == {"OneFlow": "created", "TwoFlow": "created"}
    finally:
        server.post("/http_triggers/setmode/f/metaflow/push", {"mode": "disabled"})


def test_a_schedule_looks_once_and_deploys_a_new_head(team: Team) -> None:
    check = {"configuration": team.configuration}
    wrong = team.place.script("redeploy_if_changed", configuration=f"$res:{team.configuration}")
    assert "out the $res: before it" in reasons(wrong)
    job = team.place.script("redeploy_if_changed", **check)
    assert outcomes(job) == {"OneFlow": "created", "TwoFlow": "created"}
    asked = len(team.host.requests)
    job = team.place.script("redeploy_if_changed", **check)
    assert job["result"]["deployed"] is False
    assert len(team.host.requests) - asked <= 2  # one look: git asks for the refs in two parts
    commit = team.push({"flows/one.py": flow_file("OneFlow", "new")})
    path = f"f/{team.name}/often"
    schedule = {"path": path, "schedule": "*/1 * * * * *", "timezone": "Etc/UTC", "cron_version": "v2"}
    target = {
        "script_path": "f/metaflow/redeploy_if_changed",
        "is_flow": False,
        "args": check,
        "enabled": True,
    }
    team.place.server.post("/schedules/create", {**schedule, **target})
    try:
        wait_until(lambda: team.state["commit"] == commit, 60, "the schedule did not find the new head")
    finally:
        team.place.server.ask("DELETE", f"/schedules/delete/{path}")
    jobs = f"/jobs/list?schedule_path={path}"
    wait_until(
        lambda: all(job["type"] == "CompletedJob" for job in team.place.server.get(jobs)),
        60,
        "a job of the schedule goes on, and would deploy what is asked for next",
    )
    assert team.commit_of("OneFlow") == commit
    team.configure(tags=["other"])
    job = team.place.script("redeploy_if_changed", **check)
    assert outcomes(job) == {"OneFlow": "updated", "TwoFlow": "updated"}


def test_two_pushes_at_once_end_with_the_newer_one(team: Team, tmp_path: Path) -> None:
    """The older commit compiles until the newer one is deployed, and so is deployed last."""
    started = tmp_path / "started"
    slow = f"import os, time\nopen({str(started)!r}, 'w').close()\nend = time.time() + 60\n"
    slow += f"while not os.path.exists({str(tmp_path / 'go')!r}) and time.time() < end: time.sleep(0.05)"
    older = team.push({"flows/one.py": flow_file("OneFlow", "older", more=slow)})
    first = team.deliver("refs/heads/main", older)
    wait_until(started.exists, 60, "the older commit is not compiled")
    newer = team.push({"flows/one.py": flow_file("OneFlow", "newer")})
    second = team.job_of(team.deliver("refs/heads/main", newer))
    assert second["success"], second["result"]
    assert team.commit_of("OneFlow") == newer
    (tmp_path / "go").touch()
    last = team.job_of(first)
    assert last["success"], last["result"]
    assert f"main moved on to {newer[:12]}" in team.place.logs(last)
    assert (team.commit_of("OneFlow"), team.state["commit"]) == (newer, newer)


def test_a_broken_push_is_tried_again_until_it_is_whole(team: Team) -> None:
    check = {"configuration": team.configuration}
    team.push({"flows/two.py": flow_file("TwoFlow", more="raise RuntimeError('not yet')")})
    job = team.place.script("redeploy_if_changed", **check)
    assert outcomes(job) == {"OneFlow": "created", "TwoFlow": "failed"}
    assert team.place.server.ask("GET", f"/resources/get_value/{team.configuration}_state").status_code == 404
    assert outcomes(team.place.script("redeploy_if_changed", **check)) == {
        "OneFlow": "unchanged",
        "TwoFlow": "failed",
    }
    commit = team.push({"flows/two.py": flow_file("TwoFlow")})
    assert outcomes(team.place.script("redeploy_if_changed", **check)) == {
        "OneFlow": "unchanged",
        "TwoFlow": "created",
    }
    assert team.state["commit"] == commit


class Revoking:
    """A transport whose token ends in the middle: after the first flow is made."""

    def __init__(self, place: Workspace) -> None:
        asked = {"label": "short", "workspace_id": place.server.workspace}
        self.place = place
        self.token = place.server.post("/api/users/tokens/create", asked)
        self.inner = HttpTransport(place.server.url, self.token)

    def send(self, request: Request) -> Response:
        response = self.inner.send(request)
        if request.path.endswith("/flows/create"):
            answer = self.place.server.ask("DELETE", f"/api/users/tokens/delete/{self.token[:10]}")
            assert answer.status_code == 200, answer.text
        return response


@of_no_use_elsewhere("it hears of a revoked token some seconds later, and takes it until then")
def test_a_token_revoked_in_the_middle(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WM_BASE_URL", team.place.server.url)
    configuration = read_configuration(team.place.server.get(f"/resources/get_value/{team.configuration}"))
    job = job_with(Revoking(team.place), team.place.server.workspace, lambda _: None)
    report = deploy_newest(job, configuration, DeployRequest())
    assert [item.outcome for item in report.flows] == ["failed", "not tried"]
    assert "answered with status 401" in report.flows[0].reason
    assert "Run it again" in report.flows[1].reason
    again = team.place.script("redeploy_if_changed", configuration=team.configuration)
    assert outcomes(again) == {"OneFlow": "unchanged", "TwoFlow": "created"}
    assert team.place.run(f"f/{team.name}/OneFlow")["success"]


@pytest.mark.parametrize(
    ("configuration", "word"),
    [("f/nowhere/none", "There is no resource"), ("none", "not the path"), ("f/../x", "not the path")],
)
def test_a_configuration_that_is_not_there(place: Workspace, configuration: str, word: str) -> None:
    assert word in reasons(place.script("redeploy_if_changed", configuration=configuration))


def test_a_hook_that_names_no_configuration(place: Workspace) -> None:
    answer = place.server.ask("POST", "/jobs/run/p/f/metaflow/redeploy_on_push", json={"ref": "x"})
    job = place.server.finished(answer.text.strip('"'))
    assert "?configuration=" in reasons(job)


def test_a_caller_with_a_token_needs_no_signature(team: Team) -> None:
    answer = team.place.server.ask(
        "POST", "/jobs/run/p/f/metaflow/redeploy_on_push", json={"configuration": team.configuration}
    )
    assert outcomes(team.job_of(answer)) == {"OneFlow": "created", "TwoFlow": "created"}
