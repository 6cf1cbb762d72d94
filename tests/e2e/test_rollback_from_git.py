"""A flow that was deployed from git goes back and away by the commands that docs/workspace.md names."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.deployed import Target
from tests.support.flow_commands import Commands
from tests.support.git_repository import new_repository
from tests.support.oracle import ROOT, Home
from tests.support.workspace import flow_file, outcomes, reasons

if TYPE_CHECKING:
    from tests.support.git_repository import GitRepository
    from tests.support.workspace import Workspace

FOLDER, PATH = "f/goback", "f/goback/OneFlow"


def _named() -> dict[str, str]:
    """Return the commands of the page's section, by the word after ``windmill --folder f/team``."""
    page = (ROOT / "docs/workspace.md").read_text(encoding="utf-8")
    section = page.split("### Go back, and take away")[1].split("\n## ")[0]
    line = r"^python flows/one\.py (windmill --folder f/team ([\w-]+)[^#\n]*)"
    found = re.findall(line, section, re.MULTILINE)
    return {name: words.replace("f/team", FOLDER) for words, name in found}


@dataclass(frozen=True)
class Engineer:
    """Somebody with a clone of the repository, who is not the deployments' owner."""

    place: Workspace
    origin: GitRepository
    commands: Commands

    def deploy(self) -> str:
        """Run compile_and_deploy; return what became of the flow."""
        job = self.place.deploy(repo={"url": self.origin.url}, folder=FOLDER, owner="team")
        assert job["success"], reasons(job)
        return outcomes(job)["OneFlow"]

    def words(self, name: str, **values: str) -> list[str]:
        """Return a command of the page after ``windmill``, with what it leaves open filled in."""
        return [values.get(word, word) for word in shlex.split(_named()[name])][1:]

    def listed(self) -> Any:
        """Return what ``list-flows --json`` tells of the flow."""
        flows = json.loads(self.commands.well(*self.words("list-flows")).out)
        (flow,) = [flow for flow in flows if flow["path"] == PATH]
        return flow

    def said_by_a_run(self) -> Any:
        """Start the flow as ``trigger`` does; return what its start step had to say."""
        number = self.commands.home.root / "number"
        self.commands.well("--folder", FOLDER, "trigger", f"--run-id-file={number}")
        run = self.place.server.finished(number.read_text().strip().removeprefix("windmill-"), 120)
        assert run["success"], run["result"]
        return json.dumps(run["result"])


@pytest.fixture
def engineer(place: Workspace, tmp_path: Path) -> Engineer:
    origin = new_repository(tmp_path / "host" / "flows.git", {"flows/one.py": flow_file("OneFlow", "old")})
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(origin.path), str(clone)], check=True)
    target = Target(place.server.url, place.server.token, place.server.workspace)
    return Engineer(place, origin, Commands(Home(clone), target, Path("flows/one.py")))


def test_the_page_names_what_an_engineer_needs() -> None:
    assert list(_named()) == ["list-flows", "history", "rollback", "delete"]


def test_back_away_and_there_again(engineer: Engineer) -> None:
    place, commands = engineer.place, engineer.commands
    assert engineer.deploy() == "created"
    old, old_sha = str(place.version(PATH)["id"]), place.record(PATH)["package"]["sha"]
    engineer.origin.commit({"flows/one.py": flow_file("OneFlow", "new")})
    assert engineer.deploy() == "updated"
    token = engineer.listed()["production_token"]
    history = commands.well(*engineer.words("history")).out.splitlines()
    assert [line.split()[0] for line in history][2:] == [old]
    assert all(" package " in line for line in history[1:]), "what each deployment said, the first one too"

    back = engineer.words("rollback", VERSION=old, TOKEN=token)
    unauthorized = [word for word in back if word not in ("--authorize", token)]
    assert "was deployed by team; to" in commands.refused(*unauthorized)
    assert f"is as it was in version {old}" in commands.well(*back).err
    assert place.record(PATH)["package"]["sha"] == old_sha
    assert "'old'" in engineer.said_by_a_run()
    assert engineer.deploy() == "updated"
    assert place.record(PATH)["package"]["sha"] != old_sha

    commands.well(*engineer.words("delete", TOKEN=token))
    assert place.flows(FOLDER) == []
    assert engineer.deploy() == "created"
    assert engineer.listed()["owner"] == "team"
    assert "'new'" in engineer.said_by_a_run()
