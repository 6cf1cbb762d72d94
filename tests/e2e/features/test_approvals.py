"""A person in the loop: what a run asks, who answers how, and what its steps find of the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.flow_commands import Commands
from tests.support.oracle import Home
from tests.support.people import member
from tests.support.server import wait_until

from metaflow_windmill.client.models import JobState
from metaflow_windmill.runs.approvals import questions

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = [pytest.mark.metaflow, pytest.mark.slow, pytest.mark.timeout(400)]

FLOW = Path(__file__).parents[1] / "flows/asked.py"
PATH = "f/flows/AskedFlow"
READ = """
import json, sys
from metaflow import Run, namespace
namespace(None)
data = Run(f"AskedFlow/{sys.argv[1]}").data
print(json.dumps({"right_by": data.right_by, "shares": sorted(data.shares), "why": data.why}))
"""
APPROVE = """
import sys
from metaflow import DeployedFlow
run = DeployedFlow.from_windmill("AskedFlow").get_run(sys.argv[1])
(question,) = run.questions
print(question.task, sorted(question.fields))
run.approve({"why": "from Python", "where": "eu"})
"""

WAIT = """
import asyncio, contextlib, io, sys
from metaflow import DeployedFlow
run = DeployedFlow.from_windmill("TwoPeopleFlow").get_run(sys.argv[1])
print(run.waits_for)

async def wait():
    waiting = asyncio.ensure_future(run._over(0.2))
    while not told.getvalue():
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)  # several looks
    run.approve({"why": "from Python"})
    await waiting

with contextlib.redirect_stderr(io.StringIO()) as told:
    asyncio.run(wait())
print(told.getvalue(), file=sys.stderr, end="")
"""


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory, windmill: Target) -> Commands:
    home = Home(tmp_path_factory.mktemp("asked"))
    made = Commands(home, windmill, home.write("asked", FLOW.read_text()))
    made.well("create")
    return made


def begin(commands: Commands, *words: str) -> str:
    file = commands.home.root / "id"
    commands.well(*words, "--run-id-file", str(file))
    return file.read_text().strip()


def asked(commands: Commands, run: str, *tasks: str) -> Any:
    """Wait until a run asks before these tasks and no others; return the questions that the command shows."""
    client, job = commands.target.client, run.removeprefix("windmill-")
    flow = client.get_flow(client.get_job(job).path).value

    def asks() -> bool:
        return [each.task for each in questions(client, client.get_job(job), flow)] == list(tasks)

    wait_until(asks, 90, f"{run} does not ask for {tasks}")
    shown = json.loads(commands.well("approve", run, "--json").out)
    assert [each["task"] for each in shown] == list(tasks)
    return shown


def end(commands: Commands, run: str) -> JobState:
    client, job = commands.target.client, run.removeprefix("windmill-")
    wait_until(lambda: client.get_job(job).state.final, 90, f"{run} does not end")
    return client.get_job(job).state


def artifacts(commands: Commands, run: str) -> Any:
    commands.well("status", run)  # fetches what tasks told of themselves, where no disk is shared
    done = commands.home.python("-c", READ, run)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_branch_each_item_and_a_step_in_a_row_ask(commands: Commands) -> None:
    run = begin(commands, "trigger", "--mark", str(commands.home.root / "mark"))
    (question,) = asked(commands, run, "right/t")
    assert question["ask"] == "Go right?"
    told = commands.well("status", run).out
    assert "waits for a person before right/t: Go right? Answer by `python " in told
    commands.well("approve", run)

    first, _ = asked(commands, run, "each/t-0", "each/t-1")
    assert (first["fields"]["share"]["type"], first["required"]) == ("number", ["share"])
    assert "say which by --task" in commands.refused("approve", run, "--answer", "share=1")
    assert "asks for share too" in commands.refused("approve", run, "--task", "each/t-0")
    assert "'share' takes a number" in commands.refused(
        "approve", run, "--task", "each/t-0", "--answer", "share=x"
    )
    commands.well("approve", run, "--task", "each/t-0", "--answer", "share=0.5")
    commands.well("approve", run, "--reject")

    asked(commands, run, "release/t")
    assert "takes one of eu, us" in commands.refused(
        "approve", run, "--answer", "why=x", "--answer", "where=x"
    )
    commands.well("approve", run, "--answer", "why=it is good", "--answer", "where=eu")
    assert end(commands, run) is JobState.SUCCEEDED
    made = artifacts(commands, run)
    assert made["shares"] == [["a", 0.5, True], ["b", None, False]]
    assert made["why"] == "it is good"
    assert len(made["right_by"]) == 1
    assert "waits for nobody" in commands.refused("approve", run)


def test_a_no_ends_the_run_and_what_was_approved_is_not_asked_again(commands: Commands) -> None:
    run = begin(commands, "trigger", "--items", "a")
    asked(commands, run, "right/t")
    commands.well("approve", run)
    asked(commands, run, "each/t-0")
    commands.well("approve", run, "--all", "--answer", "share=1")
    asked(commands, run, "release/t")
    commands.well("approve", run, "--reject")
    assert end(commands, run) is JobState.FAILED
    assert "failed at release: the step was not approved: Disapproved by" in commands.well("status", run).out

    again = begin(commands, "resume", run, "--no-wait")
    asked(commands, again, "release/t")  # straight away: right and each are clones
    done = commands.home.python("-c", APPROVE, again, env=commands.target.environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(maxsplit=1) == ["release/t", "['where', 'why']\n"]
    assert end(commands, again) is JobState.SUCCEEDED
    assert artifacts(commands, again)["why"] == "from Python"


def test_a_local_run_asks_nobody(commands: Commands) -> None:
    done = commands.home.python(commands.flow, "--quiet", "--no-pylint", "run", "--items", "a")
    assert "KeyError: 'why'" in done.stdout + done.stderr  # a field without a default has no answer there


def test_who_started_a_run_is_told_that_somebody_else_has_to_answer(tmp_path: Path, windmill: Target) -> None:
    home = Home(tmp_path)
    flow = home.write("two_people", FLOW.with_name("two_people.py").read_text())
    admins = Commands(home, windmill, flow)
    admins.well("create")
    with member(windmill, "ann") as ann, member(windmill, "bob") as bob:
        anns = Commands(home, ann, flow)
        run = begin(anns, "trigger")
        (question,) = asked(anns, run, "release/t")
        assert question["may_answer"] is False
        assert question["who"] == "members of the workspace but ann (and admins)"
        assert question["until"]
        told = anns.well("status", run).out
        assert "Members of the workspace but ann (and admins) may, until 20" in told
        assert "; you may not." in told
        refused = anns.refused("approve", run, "--answer", "why=mine")
        assert "was not taken: you started this run, and the step says self_approval=False" in refused
        assert "members of the workspace but ann (and admins) may answer" in refused
        assert "you may not" not in Commands(home, bob, flow).well("status", run).out
        Commands(home, bob, flow).well("approve", run, "--answer", "why=it is good")
        assert end(admins, run) is JobState.SUCCEEDED
        assert "it is good, says bob" in admins.well("logs", run, "--step", "end").out


def test_who_follows_a_run_sees_that_it_waits_and_how_to_answer(tmp_path: Path, windmill: Target) -> None:
    home = Home(tmp_path)
    flow = home.write("two_people", FLOW.with_name("two_people.py").read_text())
    commands, file = Commands(home, windmill, flow), tmp_path / "id"
    with commands.begun("run", "--max-wait", "90", "--run-id-file", str(file)) as following:
        following.until("waits for a person")
        run = file.read_text().strip()
        asked(commands, run, "release/t")
        waits = home.python("-c", WAIT, run, env=windmill.environment)
        assert waits.returncode == 0, waits.stderr
        assert following.end() == 0
        (line,) = [line for line in following.said.splitlines() if "waits for a person" in line]
    assert "before release/t: Release it? Answer by `python " in line
    assert f"windmill approve {run} --answer why=...`, or on its page {windmill.host}/run/" in line
    assert "but admin (and admins) may, until 20" in line
    (line,) = waits.stderr.splitlines()  # once, whatever the number of looks
    assert line.startswith(f"TwoPeopleFlow/{run} waits for a person before release/t: Release it?")
    assert waits.stdout == f"['{line}']\n"
