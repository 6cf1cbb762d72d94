"""The deployed flow is the one that the deploying command line described."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.support.deployed import Deployed
from tests.support.flow_commands import Commands
from tests.support.oracle import Home

if TYPE_CHECKING:
    from tests.support.deployed import Target
    from tests.support.oracle import RunSeen

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).with_name("flows") / "configured.py"
SETTINGS = {
    "project": "configured_by_file",
    "parameters": {"first": "one", "second": 'it\'s "2" $x'},
    "size": 11,
    "times": 2,
    "greeting": 'hello "there" $HOME `ls` ü',
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("configs"))


def deployed(home: Home, windmill: Target, *top: str, text: str = FLOW.read_text()) -> Deployed:
    """Deploy from a directory with the files of the configs, and take the files away."""
    files = {"settings.json": json.dumps(SETTINGS), "words.txt": "deployed with these"}
    for name, content in files.items():
        (home.root / name).write_text(content)
    flow = Deployed(home, windmill, home.write("configured", text), "ConfiguredFlow", top)
    flow.create()
    (home.root / "settings.json").unlink()
    (home.root / "words.txt").write_text("changed since then")
    return flow


def run(flow: Deployed, path: str) -> RunSeen:
    """Start a run as a schedule or a webhook does, that knows of no command line."""
    return flow.finish(f"windmill-{flow.target.client.run_flow(path, {'second': 'given'}, str(uuid4()))}")


def test_configs_mutators_and_decorators_are_those_of_the_deployment(home: Home, windmill: Target) -> None:
    names_a_file = 'import os\nos.environ["METAFLOW_FLOW_CONFIG"] = \'{"settings": "settings.json"}\'\n'
    text = names_a_file + FLOW.read_text()
    flow = deployed(home, windmill, "--config", "settings", "settings.json", text=text)
    seen = run(flow, "f/flows/configured_by_file/user-tester/ConfiguredFlow")
    assert seen.successful, seen.log
    start, end = seen.at("start").artifacts, seen.at("end").artifacts
    words = ["deployed", "with", "these"]
    assert start["of_config"] == repr([SETTINGS["greeting"], words, SETTINGS["parameters"]])
    assert start["of_parameters"] == repr([11, "one", "given"])
    assert (start["of_flow"], start["project_name"]) == ("'all steps'", "'configured_by_file'")
    assert start["noted"] == repr(["start", "beginning"])
    assert seen.at("flaky").artifacts["attempts"] == "2"
    assert (end["of_step"], end["with_option"]) == (repr(SETTINGS["greeting"]), "None")
    assert "noted" in end, "an artifact of the decorator is handed on"


def test_values_and_decorators_of_the_command_line_are_kept(home: Home, windmill: Target) -> None:
    value = json.dumps({**SETTINGS, "project": "configured_by_value", "times": 1})
    flow = deployed(
        home,
        windmill,
        *("--config-value", "settings", value),
        *("--with", "configured.noted:word=late"),
        *("--with", 'environment:vars={"FROM_COMMAND_LINE": "yes"}'),
    )
    seen = run(flow, "f/flows/configured_by_value/user-tester/ConfiguredFlow")
    assert seen.successful, seen.log
    assert seen.at("flaky").artifacts["attempts"] == "1"
    assert seen.at("end").artifacts["noted"] == repr(["end", "late"])


@pytest.mark.parametrize("variable", ["METAFLOW_DECOSPECS", "METAFLOW_DEFAULT_DECOSPECS"])
def test_decorators_of_the_environment_are_kept(home: Home, windmill: Target, variable: str) -> None:
    (home.root / "words.txt").write_text("any")
    flow = home.write("configured", FLOW.read_text())
    settings = ("--config-value", "settings", json.dumps(SETTINGS))
    commands = Commands(home, windmill, flow, settings, {variable: "retry:times=3"})
    document = json.loads(commands.well("create", "--only-json").out)
    start = document["value"]["modules"][0]
    assert start["retry"]["constant"]["attempts"] == 3
    assert "--with=retry:times=3" in document["value"]["flow_env"]["metaflow"]["top_level"]
