"""What production flows put on their steps does on Windmill what it does elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.flow_commands import Commands
from tests.support.oracle import Home, RunSeen
from tests.support.walk import all_modules

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).with_name("flows") / "decorated.py"
SECRET, FIELD = "hunter2-and-more", "field-of-resource"
SECRETS = ("--secret", "GIVEN_SECRET=u/admin/given", "--secret", "GIVEN_FIELD=u/admin/store#key")
GPU, LARGE = "bash", "go"
"""Tags that workers have everywhere."""
RULES = json.dumps([{"tag": GPU, "gpu": 1}, {"tag": LARGE, "memory": 32000}])


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory, own_windmill: Target) -> Commands:
    home = Home(tmp_path_factory.mktemp("decorated"))
    settings = {"CHECKPOINTS": str(home.root / "checkpoints"), "METAFLOW_WINDMILL_WORKER_TAGS": RULES}
    return Commands(home, own_windmill, home.write("decorated", FLOW.read_text()), env=settings)


@pytest.fixture(scope="module")
def seen(commands: Commands) -> RunSeen:
    """A run of the flow, its secrets in the workspace."""
    for path, body in {
        "/variables/create": {"path": "u/admin/given", "value": SECRET, "is_secret": True, "description": ""},
        "/resources/create": {"path": "u/admin/store", "value": {"key": FIELD}, "resource_type": "any"},
    }.items():
        commands.target.post(path, body)
    file = commands.home.root / "id"
    commands.well("run", *SECRETS, "--run-id-file", str(file))
    (found,) = commands.home.read(f"DecoratedFlow/{file.read_text()}")
    return found


def test_secrets_reach_the_task_and_nothing_else(commands: Commands, seen: RunSeen) -> None:
    start = seen.at("start").artifacts
    assert (start["given"], start["of_resource"]) == (repr(SECRET), repr(FIELD))
    assert start["inline"] == "'from inline'"
    flow = commands.target.client.get_flow("f/flows/DecoratedFlow")
    assert SECRET not in json.dumps(flow.value)
    run = (commands.home.root / "id").read_text()
    jobs = commands.target.client.get_job(run.removeprefix("windmill-")).flow_status["modules"]
    log = commands.target.client.job_logs(jobs[0]["job"])
    kept = commands.home.python(commands.flow, "--quiet", "--no-pylint", "logs", f"{run}/start").stdout
    for text in (log, kept):
        assert "the secret is ********" in text
        assert SECRET not in text


def test_a_secret_that_is_not_there_is_refused(commands: Commands) -> None:
    said = commands.refused("create", "--secret", "KEY=u/admin/missing")
    assert "has no variable or resource u/admin/missing (for KEY)" in said


def test_each_attempt_finds_what_the_ones_before_it_saved(seen: RunSeen) -> None:
    assert seen.at("saves").attempt == 2
    assert seen.at("join").artifacts["before"] == "[0, 1]"


def test_a_step_that_is_too_slow_is_ended(seen: RunSeen) -> None:
    assert "timed out after 0 hours, 0 minutes, 1 seconds" in seen.at("join").artifacts["late"]


def test_a_step_that_blocks_signals_is_ended_by_windmill(seen: RunSeen) -> None:
    assert seen.at("stuck").attempt >= 1
    assert "kept failing" in seen.at("join").artifacts["killed"]


def test_resources_choose_the_worker(commands: Commands, seen: RunSeen) -> None:
    assert seen.at("large").successful
    value = commands.target.client.get_flow("f/flows/DecoratedFlow").value
    modules = {found.id: found.module for found in all_modules(value["modules"])}
    assert modules["large"]["value"]["tag"] == LARGE
    assert [modules[name]["timeout"]["value"] for name in ("stuck", "slow")] == [8, 61]
    said = commands.well("create", "--only-json", env={"METAFLOW_WINDMILL_WORKER_TAGS": "[]"}).err
    assert "no rule in METAFLOW_WINDMILL_WORKER_TAGS has workers for the @resources of the step large" in said
    bad = commands.refused("create", env={"METAFLOW_WINDMILL_WORKER_TAGS": '[{"gpu": 1}]'})
    assert "which names no tag of a worker" in bad


def test_what_is_deployed_is_no_change(commands: Commands, seen: RunSeen) -> None:
    assert seen.successful  # so Windmill has written the flow anew, in its own way
    assert commands.well("diff", *SECRETS).out == ""


def test_cards_are_found(commands: Commands, seen: RunSeen) -> None:
    run = (commands.home.root / "id").read_text()
    shown = commands.home.python(commands.flow, "--no-pylint", "card", "get", f"{run}/start/t").stdout
    assert "<html" in shown
    assert seen.at("start").successful
