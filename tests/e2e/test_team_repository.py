"""examples/team works as its README says: what its CI runs is run here, against a workspace."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from metaflow._vendor import yaml
from tests.support.git_repository import GitRepository, new_repository
from tests.support.scripted_server import answer, scripted_server
from tests.support.server import wait_until
from tests.support.workspace import make_wheel

from metaflow_windmill.workspace.compiling.configuration import read_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.workspace import Workspace

TEAM = Path(__file__).parents[2] / "examples" / "team"
FILES = {
    str(file.relative_to(TEAM)): file.read_text(encoding="utf-8")
    for file in TEAM.rglob("*")
    if file.is_file() and "__pycache__" not in file.parts
}
RESOURCE = json.loads(FILES["windmill/flows_repo.json"])
GITHUB = yaml.safe_load(FILES[".github/workflows/flows.yml"])
GITLAB = yaml.safe_load(FILES[".gitlab-ci.yml"])


def test_the_configuration_is_one_that_compile_and_deploy_takes() -> None:
    read_configuration(RESOURCE["value"])
    assert RESOURCE["resource_type"] == "metaflow_repo"
    assert RESOURCE["path"] in FILES[".gitlab-ci.yml"]
    assert RESOURCE["path"] in FILES[".github/workflows/flows.yml"]


def test_the_readme_names_each_file() -> None:
    told = FILES["README.md"]
    for name in FILES:
        folder = f"{name.rpartition('/')[0]}/"
        assert any(word in told for word in (name, folder)), name


def test_forks_reach_no_token() -> None:
    assert "head.repo.full_name == github.repository" in GITHUB["jobs"]["check"]["if"]
    assert "pull_request_target" not in FILES[".github/workflows/flows.yml"]
    assert "SOURCE_PROJECT_ID == $CI_PROJECT_ID" in GITLAB["check"]["rules"][0]["if"]


def github(job: str) -> str:
    """Return what a job of the action asks Windmill."""
    steps = [step["run"] for step in GITHUB["jobs"][job]["steps"] if "ci/windmill.py" in step.get("run", "")]
    assert len(steps) == 1
    return str(steps[0])


def gitlab(job: str) -> str:
    """Return what a job of the pipeline does, but for the comment."""
    return "\n".join(line for line in GITLAB[job]["script"] if "comment.py" not in line)


@dataclass(frozen=True)
class Team:
    """The repository, a clone of it as the CI has one, and the workspace."""

    place: Workspace
    origin: GitRepository
    clone: Path

    def ci(self, commands: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run commands as the CI does."""
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "WINDMILL_HOST": self.place.server.url,
            "WINDMILL_WORKSPACE": self.place.server.workspace,
            "WINDMILL_TOKEN": self.place.server.token,
            "GITHUB_STEP_SUMMARY": str(self.clone / "summary.md"),
            **variables,
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", commands]
        return subprocess.run(
            command, cwd=self.clone, env=environment, capture_output=True, text=True, timeout=150, check=False
        )


@pytest.fixture
def team(place: Workspace, tmp_path: Path) -> Iterator[Team]:
    """The example's repository; what compiles it needs no index, since a wheel is there."""
    origin = new_repository(tmp_path / "host" / "flows.git", FILES)
    channel = {"path": "f/team/slack", "value": "http://127.0.0.1:9/", "is_secret": True, "description": ""}
    kept = {
        name: value for name, value in RESOURCE["value"].items() if name not in {"token", "webhook_secret"}
    }
    here = {"url": origin.url, "datastore": "local", "datastore_root": str(place.store)}
    place.resource(RESOURCE["path"], {**kept, **here})
    if not place.server.get(f"/variables/exists/{channel['path']}"):
        place.server.post("/variables/create", channel)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(origin.path), str(clone)], check=True)
    make_wheel(tmp_path / "wheels", "tabulate", "0.9.0", "def tabulate(*rows, headers): ...\n")
    settings = {"UV_FIND_LINKS": str(tmp_path / "wheels"), "UV_OFFLINE": "1"}
    place.server.tell_jobs({**settings, "METAFLOW_WINDMILL_CACHE": str(tmp_path / "cache")})
    yield Team(place, origin, clone)
    place.server.tell_jobs(dict.fromkeys([*settings, "METAFLOW_WINDMILL_CACHE"]))


@pytest.mark.slow
def test_a_pull_request_gets_a_table_and_main_is_deployed(team: Team) -> None:
    report = FILES["flows/report.py"].replace("ReportFlow", "SecondFlow")
    commit = team.origin.commit({**FILES, "flows/second.py": report}, branch="proposal")
    proposed = team.ci(github("check"), COMMIT=commit)
    assert proposed.returncode == 0, proposed.stdout + proposed.stderr
    told = re.findall(r"^(\w+Flow) .*would create$", proposed.stdout, re.MULTILINE)
    assert told == ["NightlyFlow", "ReportFlow", "SecondFlow"]
    assert team.place.flows("f/team") == []
    deployed = team.ci(github("deploy"))
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert (team.clone / "summary.md").read_text() == deployed.stdout
    assert team.place.flows("f/team") == ["f/team/NightlyFlow", "f/team/ReportFlow"]
    again = team.ci(gitlab("deploy"))
    assert "unchanged" in again.stdout, again.stdout
    _breaks(team)
    _runs(team)


def _breaks(team: Team) -> None:
    """A proposal that does not compile is red, and its table says why."""
    raising = "raise RuntimeError('half done')\nfrom metaflow"
    broken = FILES["flows/report.py"].replace("from metaflow", raising)
    commit = team.origin.commit({**FILES, "flows/report.py": broken}, branch="broken")
    refused = team.ci(gitlab("check"), CI_COMMIT_SHA=commit)
    assert refused.returncode == 1, refused.stderr
    assert "half done" in refused.stdout


def _runs(team: Team) -> None:
    """The nightly flow runs for a day that is past; the other one follows it."""
    run = team.place.run("f/team/NightlyFlow", day="2031-03-01")
    assert run["success"], run["result"]
    wait_until(lambda: ended(team.place, "f/team/ReportFlow"), 90, "the report was not written")


def ended(place: Workspace, path: str) -> bool:
    """Return whether a run of a flow has ended; it has to have succeeded."""
    jobs = place.server.get(f"/jobs/completed/list?script_path_exact={path}")
    assert all(job["success"] for job in jobs), jobs
    return bool(jobs)


def test_without_an_answer_the_ci_is_red_with_a_sentence(team: Team) -> None:
    refused = team.ci(github("deploy"), WINDMILL_TOKEN="nonsense")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Windmill answers 401")


def test_a_merge_request_gets_the_table_as_a_note(team: Team) -> None:
    (team.clone / "table.md").write_text("| flow |")
    with scripted_server(answer({}, 201)) as gitlab_api:
        variables = {"CI_API_V4_URL": gitlab_api.url, "CI_PROJECT_ID": "7", "CI_MERGE_REQUEST_IID": "3"}
        done = team.ci("python3 ci/comment.py table.md", **variables, COMMENT_TOKEN="t")
    assert done.returncode == 0, done.stderr
    asked = gitlab_api.seen[0]
    assert (asked.method, asked.path) == ("POST", "/projects/7/merge_requests/3/notes")
    assert json.loads(asked.body) == {"body": "| flow |"}
