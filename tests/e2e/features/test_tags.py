"""Tags of one run: given when it is asked for, seen by its tasks, by Metaflow's client, and in Windmill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from tests.support.flow_commands import Commands
from tests.support.oracle import Home
from tests.support.server import wait_until

from metaflow_windmill.client.models import JobState

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = [pytest.mark.metaflow, pytest.mark.slow]

FLOW = Path(__file__).parents[1] / "flows/tagged.py"
PATH = "f/flows/TaggedFlow"
READ = """
import json, sys
from metaflow import Run, namespace
namespace(None)
run = Run(f"TaggedFlow/{sys.argv[1]}")
told = [task.data.told for task in run["each"]]
last = run["end"].task.data.last if run.successful else None
print(json.dumps({"run": sorted(run.user_tags), "each": told, "last": last}))
"""
TRIGGER = """
import json
from metaflow import DeployedFlow
deployed = DeployedFlow.from_windmill("TaggedFlow")
run = deployed.trigger(tags=["python"], broken=False)
run.wait_for_completion()
print(json.dumps([run.status, run.pathspec.split("/")[1]]))
"""


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory, windmill: Target) -> Commands:
    home = Home(tmp_path_factory.mktemp("tags"))
    made = Commands(home, windmill, home.write("tagged", FLOW.read_text()))
    made.well("create", "--tag", "all")
    return made


def begin(commands: Commands, *words: str) -> str:
    file = commands.home.root / "id"
    commands.well(*words, "--run-id-file", str(file))
    return file.read_text().strip()


def end(commands: Commands, run: str) -> JobState:
    client, job = commands.target.client, run.removeprefix("windmill-")
    wait_until(lambda: client.get_job(job).state.final, 120, f"{run} does not end")
    return client.get_job(job).state


def seen(commands: Commands, run: str) -> Any:
    done = commands.home.python("-c", READ, run)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def labelled(commands: Commands, label: str) -> set[str]:
    """The jobs that Windmill lists by a label: the runs, or the flows' steps, of this flow."""
    return {job.path for job in commands.target.client.list_jobs(label=label) if job.path}


def test_a_run_that_is_triggered_with_tags_and_one_that_goes_on_from_it(commands: Commands) -> None:
    first, second = f"one-{uuid4()}", "two words"
    run = begin(commands, "trigger", "--tag", first, "--tag", second, "--broken", "true")
    assert end(commands, run) is JobState.FAILED
    wanted = sorted(["all", first, second])
    assert seen(commands, run) == {"run": wanted, "each": [wanted, wanted], "last": None}
    assert labelled(commands, first) == {f"{PATH}/start"}  # Windmill labels no job that failed
    listed = json.loads(commands.well("list-runs", "--tag", first, "--json").out)
    assert [row["run_id"] for row in listed] == [run]  # whatever became of it

    resumed = begin(commands, "resume", run, "--no-wait", "--broken", "false", "--tag", "again")
    assert end(commands, resumed) is JobState.SUCCEEDED
    wanted = sorted([*wanted, "again"])
    there = seen(commands, resumed)
    assert (there["run"], there["last"]) == (wanted, wanted)
    assert PATH in labelled(commands, first)
    assert PATH in labelled(commands, second)


def test_from_python_and_by_a_webhook(commands: Commands) -> None:
    done = commands.home.python("-c", TRIGGER, env=commands.target.environment)
    assert done.returncode == 0, done.stderr
    status, run = json.loads(done.stdout.splitlines()[-1])
    assert status == "SUCCEEDED"
    assert seen(commands, run)["run"] == ["all", "python"]

    job = str(uuid4())
    commands.target.client.run_flow(PATH, {"$tags": ["hook", ""]}, job)
    assert end(commands, f"windmill-{job}") is JobState.SUCCEEDED
    assert seen(commands, f"windmill-{job}")["run"] == ["all", "hook"]


def test_what_is_no_tag_is_refused_before_anything_runs(commands: Commands) -> None:
    assert "too long" in commands.refused("trigger", "--tag", "x" * 501)
    job = str(uuid4())
    commands.target.client.run_flow(PATH, {"$tags": "hook"}, job)
    assert end(commands, f"windmill-{job}") is JobState.FAILED
    assert "the tags of a run are a list of texts" in commands("status", job).out
