"""``diff``, ``history``, ``rollback`` and ``export`` on a flow that changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from metaflow._vendor import yaml
from tests.support.elsewhere import elsewhere
from tests.support.flow_commands import Commands
from tests.support.oracle import Home

from metaflow_windmill.openflow import read_flow_value

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = """
from metaflow import FlowSpec, Parameter, schedule, step


@schedule(cron="0 3 1 1 *")
class ChangingFlow(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ChangingFlow()
"""
MORE = "self.next(self.more)\n\n    @step\n    def more(self):\n        self.next(self.end)"
CHANGED = (
    FLOW.replace('@schedule(cron="0 3 1 1 *")\n', "")
    .replace('"alpha", default=1', '"alpha", default=2')
    .replace("self.next(self.end)", MORE)
)
PATH = "f/flows/ChangingFlow"


@pytest.fixture
def commands(windmill: Target, tmp_path: Path) -> Commands:
    root = tmp_path / "home"
    root.mkdir()
    home = Home(root)
    return Commands(home, windmill, home.write("changing", FLOW))


def test_there_and_back_again(commands: Commands) -> None:
    client = commands.target.client
    commands.well("create")
    same = commands.well("diff")
    assert same.out == ""
    assert f"{PATH} is as this flow would be deployed now." in same.err
    commands.home.write("changing", CHANGED)
    lines = commands.well("diff").out.splitlines()
    assert "+ step more" in lines
    assert "~ parameter alpha: int, default 1 -> int, default 2" in lines
    assert "- schedule" in lines
    assert any(line.startswith("~ package: ") for line in lines)
    options = ("--tag", "new", "--workflow-title", "A title", "--workflow-timeout", "60")
    changes = json.loads(commands.well("diff", "--json", *options).out)
    assert {"part": "settings", "name": "tags", "before": "none", "after": "new"} in changes
    assert {"part": "settings", "name": "workflow_timeout", "before": "none", "after": 60} in changes
    assert {"part": "page", "name": "title", "before": "ChangingFlow", "after": "A title"} in changes
    commands.well("create")
    assert client.schedules.find(PATH) is None

    new, old = json.loads(commands.well("history", "--json").out)
    assert new["version"] > old["version"]
    assert new["owner"] == "tester"
    if elsewhere() is None:  # a Windmill built from its public source keeps no messages
        assert new["message"].startswith(f"package {new['package'][:12]} by tester")
        assert old["message"].startswith("package ")
    table = commands.well("history").out.splitlines()
    assert table[0].split() == ["version", "deployed", "by", "package", "message"]

    assert "Deploy version" in commands.refused("rollback", str(old["version"]))
    said = commands.well("rollback", str(old["version"]), "--yes")
    assert f"{PATH} is as it was in version {old['version']}; this is version" in said.err
    modules = client.get_flow(PATH).value["modules"]
    assert [module["id"] for module in modules][:2] == ["start", "end"]
    schedule = client.schedules.find(PATH)
    assert schedule is not None
    assert schedule.cron == "0 0 3 1 1 *"
    third = json.loads(commands.well("history", "--json", "--limit", "1").out)
    if elsewhere() is None:
        assert third[0]["message"] == f"version {old['version']} again, by tester"
    assert third[0]["package"] == old["package"]
    again = commands.refused("rollback", str(third[0]["version"]), "--yes")
    assert f"Version {third[0]['version']} of {PATH} is the one that is deployed." in again
    absent = commands.refused("rollback", "999999", "--yes")
    assert f"{PATH} has no version 999999; `python {commands.flow} windmill history` lists" in absent


def test_an_exported_flow_is_what_wmill_pushes(commands: Commands) -> None:
    nowhere = {"WINDMILL_HOST": "http://127.0.0.1:9", "WINDMILL_TOKEN": ""}
    said = commands.well("export", "../out", env=nowhere)
    assert said.out == ""
    assert "it deletes the rest" in said.err
    root = commands.home.root.parent / "out"
    files = sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())
    assert files == [
        "f/flows/ChangingFlow.schedule.yaml",
        "f/flows/ChangingFlow__flow/flow.yaml",
        "f/flows/ChangingFlow__flow/step.inline_script.lock",
        "f/flows/ChangingFlow__flow/step.inline_script.py",
        "f/flows/folder.meta.yaml",
        "wmill.yaml",
    ]
    folder = root / "f/flows/ChangingFlow__flow"
    flow = yaml.safe_load((folder / "flow.yaml").read_text())
    for module in flow["value"]["modules"]:
        assert module["value"]["content"] == "!inline step.inline_script.py"
        module["value"]["content"] = (folder / "step.inline_script.py").read_text()
        module["value"]["lock"] = (folder / "step.inline_script.lock").read_text()
    read_flow_value(flow["value"])
    document = json.loads(commands.well("create", "--only-json", env=nowhere).out)
    assert flow["value"] == document["value"]
    assert flow["schema"] == document["schema"]
    schedule = yaml.safe_load((root / "f/flows/ChangingFlow.schedule.yaml").read_text())
    assert schedule == {
        "script_path": PATH,
        "is_flow": True,
        "schedule": "0 0 3 1 1 *",
        "timezone": "Etc/UTC",
        "cron_version": "v2",
        "args": {},
        "enabled": True,
    }


def test_a_directory_that_cannot_be_written(commands: Commands) -> None:
    commands.home.write("taken", "")
    said = commands.refused("export", "taken.py")
    assert "The files cannot be written to taken.py:" in said
