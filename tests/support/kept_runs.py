"""What a run must have left in a datastore that only its tasks and the client see; for each kind of store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.flow_commands import Commands
from tests.support.oracle import ROOT, Home

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.support.deployed import Target

FLOW = ROOT / "tests/e2e/features/flows/kept.py"


def kept_commands(folder: Path, server: Target, settings: Mapping[str, str]) -> Commands:
    """Return the flow's commands for one whose Metaflow has the settings."""
    (folder / "text.txt").write_text("included")
    home = Home(folder, settings)
    return Commands(home, server, home.write("kept", FLOW.read_text()))


_FROM_PYTHON = """
import sys
from metaflow import DeployedFlow, namespace
namespace(None)
run = DeployedFlow.from_windmill("KeptFlow").get_run(sys.argv[1]).run
print(run.successful, run["join"].task.data.squares)
"""


def check_a_run(commands: Commands, secret: tuple[str, ...], root: str, names: Callable[[], str]) -> str:
    """Run the flow until it fails, read back all that it left, and go on; return the deployed document."""
    home, file = commands.home, commands.home.root / "id"
    assert commands("run", *secret, "--fail", "true", "--run-id-file", str(file)).status == 1
    run = file.read_text()
    (seen,) = home.read(f"KeptFlow/{run}")
    assert seen.at("join").artifacts["squares"] == "[0, 1]"
    assert seen.at("work", 1).attempt == 1
    assert seen.at("end").exception == "builtins.ValueError: as asked for"
    assert f"metaflow/KeptFlow/{run}/end/t/" in names()
    document = json.dumps(commands.target.client.get_flow("f/flows/KeptFlow").value)
    assert f"{root}/KeptFlow/data/" in document
    shown = home.python(commands.flow, "--no-pylint", "--quiet", "card", "get", f"{run}/start/t")
    assert "<html" in shown.stdout, shown.stderr
    logs = home.python(commands.flow, "--no-pylint", "--quiet", "logs", f"{run}/work/t-1")
    assert "worked on 1" in logs.stdout, logs.stderr

    commands.well("resume", run, "--fail", "false", "--run-id-file", str(file))
    (resumed,) = home.read(f"KeptFlow/{file.read_text()}")
    assert resumed.successful
    end = resumed.at("end").artifacts
    assert (end["squares"], end["text"]) == ("[0, 1]", "'included'")
    return document


def check_a_worker_without_credentials(commands: Commands, root: str) -> str:
    """Run the flow without the secret; return what is said, on one line."""
    commands.flow.write_text(FLOW.read_text() + "# not in the cache of the worker yet\n")
    said = commands("run")
    assert said.status == 1
    assert f"The code package cannot be read from {root}/KeptFlow/data/" in said.err
    assert "give the worker the credentials" in said.err
    return " ".join(said.err.split())


def check_from_python(commands: Commands, without: Mapping[str, str]) -> None:
    """Read the latest run by the Deployer's objects where nobody has fetched its metadata before."""
    folder = commands.home.root / "elsewhere"
    folder.mkdir()
    home, run = Home(folder, commands.home.settings), (commands.home.root / "id").read_text()
    found = home.python("-c", _FROM_PYTHON, run, env=commands.target.environment)
    assert found.stdout == "True [0, 1]\n", found.stderr
    lost = home.python("-c", _FROM_PYTHON, run, env={**commands.target.environment, **without})
    assert "See that this process has the settings and the credentials of the datastore." in lost.stderr
