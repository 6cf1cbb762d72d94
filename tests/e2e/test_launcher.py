"""A flow class that another file defines: the file that is run is the one that the tasks run too."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from tests.support.flow_commands import Commands
from tests.support.oracle import Home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = """
from metaflow import FlowSpec, Parameter, step


class LaunchedFlow(FlowSpec):
    word = Parameter("word", default="none")

    @step
    def start(self):
        import idna
        self.found = idna.__name__
        self.next(self.end)

    @step
    def end(self):
        print("the word is", self.word, self.found)
"""
LAUNCHER = """
from team.flows import LaunchedFlow

if __name__ == "__main__":
    LaunchedFlow()
"""


def test_the_launcher_is_what_runs_and_its_requirements_count(tmp_path: Path, windmill: Target) -> None:
    home = Home(tmp_path)
    home.write("launch", LAUNCHER)
    (tmp_path / "team").mkdir()
    (tmp_path / "team/flows.py").write_text(FLOW)
    commands = Commands(home, windmill, tmp_path / "launch.py")
    said = commands.well("run", "--word", "yes")
    assert f"Windmill installs idna {version('idna')} for the steps; --requirements none" in said.err
    record = windmill.client.get_flow("f/flows/LaunchedFlow").value["flow_env"]["metaflow"]
    assert record["package"]["flow_file"] == "launch.py"
    header = '# /// script\n# dependencies = ["certifi"]\n# ///\n'
    (tmp_path / "launch.py").write_text(header + LAUNCHER)
    said = commands.well("create", "--only-json")
    assert "#certifi" in said.out
    assert "launch.py asks for" in said.err
