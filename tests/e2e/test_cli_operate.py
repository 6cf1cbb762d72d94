"""The commands around a deployed flow: what runs, what ran, and how to stop it; read as a person reads it."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.flow_commands import Commands
from tests.support.oracle import Home
from tests.support.server import wait_until

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = """
import time

from metaflow import FlowSpec, Parameter, retry, schedule, step


@schedule(cron="0 3 1 1 *")
class OperatedFlow(FlowSpec):
    wait = Parameter("seconds", default=0.0)
    bad = Parameter("bad", default=-1)

    @step
    def start(self):
        self.items = [0, 1]
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        print("working on", self.input)
        time.sleep(self.wait)
        if self.input == self.bad:
            raise ValueError("this one is * bad")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    OperatedFlow()
"""
PATH = "f/flows/OperatedFlow"


@pytest.fixture(scope="module")
def commands(own_windmill: Target, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    home = Home(tmp_path_factory.mktemp("home"))
    made = Commands(home, own_windmill, home.write("operated", FLOW))
    made.well("create")
    return made


@pytest.fixture(scope="module")
def good(commands: Commands) -> str:
    return run_id(commands.well("run"))


@pytest.fixture(scope="module")
def bad(commands: Commands) -> str:
    said = commands("run", "--bad", "1")
    assert said.status == 1
    return run_id(said)


def run_id(said: Any) -> str:
    found = re.search(r"run-id (windmill-[0-9a-f-]{36})", said.err)
    assert found, said.err
    return found[1]


def test_runs_are_listed_newest_first(commands: Commands, good: str, bad: str) -> None:
    # As a server that has made the next run of a schedule already: it is none before its time.
    later = commands.target.post(f"/jobs/run/f/{PATH}?scheduled_in_secs=3000", {})
    runs = json.loads(commands.well("list-runs", "--json").out)
    assert [(run["run_id"], run["state"]) for run in runs] == [(bad, "FAILED"), (good, "SUCCEEDED")]
    assert (
        runs[0]["page"]
        == f"{commands.target.host}/run/{runs[0]['job_id']}?workspace={commands.target.workspace}"
    )
    assert runs[1]["seconds"] > 0
    only = json.loads(commands.well("list-runs", "--json", "--state", "failed", "--limit", "5").out)
    assert [run["run_id"] for run in only] == [bad]
    lines = commands.well("list-runs").out.splitlines()
    assert lines[0].split() == ["run", "state", "started", "took", "by"]
    assert lines[1].split()[:2] == [bad, "FAILED"]
    nothing = commands.well("list-runs", "--state", "canceled")
    assert (nothing.out, f"{PATH} has no such runs." in nothing.err) == ("", True)
    commands.target.client.cancel_job(later, "the test is over")


def test_the_status_of_a_run(commands: Commands, good: str, bad: str) -> None:
    told = json.loads(commands.well("status", good, "--json").out)
    assert (told["state"], told["parameters"]) == ("SUCCEEDED", {})
    assert sorted((task["step"], task["task_id"], task["state"]) for task in told["tasks"]) == [
        ("end", "t", "SUCCEEDED"),
        ("join", "t", "SUCCEEDED"),
        ("start", "t", "SUCCEEDED"),
        ("work", "t-0", "SUCCEEDED"),
        ("work", "t-1", "SUCCEEDED"),
    ]
    failed = commands.well("status", bad).out
    assert f"{bad} is FAILED" in failed
    assert "failed at work: ValueError: this one is * bad" in failed
    assert re.search(r"^work/t-1 +FAILED .* 1$", failed, re.MULTILINE)
    assert re.search(r"^work/t-1 +FAILED .* 2$", failed, re.MULTILINE)


def test_logs_of_a_run(commands: Commands, good: str, bad: str) -> None:
    said = commands.well("logs", good).out.splitlines()
    assert "[work/t-0] working on 0" in said
    assert "[work/t-1] working on 1" in said
    only = commands.well("logs", bad, "--step", "work/t-1").out
    assert "[work/t-1] working on 1" in only
    assert "[work/t-1 (attempt 2)] working on 1" in only
    assert "[work/t-1 (attempt 2)] ValueError: this one is" in only
    assert "work/t-0" not in only
    assert "No task of nothing has begun." in commands.well("logs", bad, "--step", "nothing").err


def test_logs_follow_a_run(commands: Commands) -> None:
    run = run_id(commands.well("trigger", "--seconds", "1"))
    said = commands.well("logs", run, "--follow", "--step", "work").out.splitlines()
    assert said.count("[work/t-0] working on 0") == 1
    assert said.count("[work/t-1] working on 1") == 1


def test_a_run_is_stopped(commands: Commands) -> None:
    run = run_id(commands.well("trigger", "--seconds", "600"))
    assert f"{run} is being stopped." in commands.well("terminate").err  # the last one
    client = commands.target.client
    wait_until(lambda: client.get_job(run[9:]).state.final, 60, "the run goes on")
    assert client.get_job(run[9:]).state.value == "CANCELED"
    assert f"{run} is over already: CANCELED." in commands.well("terminate", run).err
    assert f"{run} is CANCELED" in commands.well("status").out


def test_ctrl_c_leaves_the_run_running(commands: Commands) -> None:
    with commands.begun("run", "--seconds", "600") as following:
        following.until("start/t started")
        following.process.send_signal(signal.SIGINT)
        assert following.end() == 130
        said = following.said
    run = re.findall(r"windmill-[0-9a-f-]{36}", said)[0]
    assert "The run goes on. To follow it again, to see where it is, or to stop it:" in said
    assert f"python {commands.flow} windmill logs {run} --follow" in said
    assert "Traceback" not in said
    assert not commands.target.client.get_job(run[9:]).state.final
    commands.well("terminate", run)


def test_the_schedule_goes_off_and_on(commands: Commands) -> None:
    client = commands.target.client
    assert f"{PATH} runs on demand only." in commands.well("suspend").err
    assert not client.schedules.find(PATH).enabled  # type: ignore[union-attr]
    assert f"{PATH} runs by itself at '0 0 3 1 1 *', Etc/UTC." in commands.well("unsuspend").err
    assert client.schedules.find(PATH).enabled  # type: ignore[union-attr]


def test_pages(commands: Commands, good: str) -> None:
    host, workspace = commands.target.host, commands.target.workspace
    last = json.loads(commands.well("list-runs", "--json").out)[0]["run_id"]
    assert commands.well("open").out.strip() == f"{host}/run/{last[9:]}?workspace={workspace}"
    assert commands.well("open", good).out.strip() == f"{host}/run/{good[9:]}?workspace={workspace}"
    flow = f"{host}/flows/get/{PATH}?workspace={workspace}"
    assert commands.well("open", "--flow").out.strip() == flow
    assert "Give RUN or --flow, not both." in commands.refused("open", good, "--flow")


def test_deployments_are_listed_and_deleted(commands: Commands) -> None:
    commands.well("create", "--name", "doomed")
    assert "/flows/get/f/flows/doomed?workspace=" in commands.well("--name", "doomed", "open").out
    listed = json.loads(commands.well("list-flows", "--json").out)
    assert {item["path"] for item in listed} == {PATH, "f/flows/doomed"}
    assert listed[0]["schedule"] == {"cron": "0 0 3 1 1 *", "timezone": "Etc/UTC"}
    assert (listed[0]["owner"], listed[0]["parameters"]) == ("tester", ["bad", "seconds"])
    later = {"format": 99, "flow": "F"}
    value = {"modules": [], "flow_env": {"metaflow": later}}
    windmill = commands.target.client
    windmill.create_flow(
        {"path": "f/flows/later", "summary": "", "value": value, "schema": {}, "labels": ["metaflow"]}
    )
    everything = json.loads(commands.well("list-flows", "--all", "--json").out)
    (unread,) = (item for item in everything if item["path"] == "f/flows/later")
    assert "this version of metaflow-windmill can read" in unread["unreadable"]
    table = commands.well("list-flows", "--all").out.splitlines()
    assert any("f/flows/later" in line and "can read" in line for line in table)
    windmill.delete_flow("f/flows/later")
    assert table[0].split() == ["path", "flow", "branch", "owner", "deployed", "schedule"]
    said = commands.refused("--name", "doomed", "delete")
    assert "Delete f/flows/doomed on http" in said
    assert "Nobody is here to answer: add --yes." in said
    said = commands.refused(
        "--name", "doomed", "delete", "--yes", env={"METAFLOW_USER": "bob", "METAFLOW_HOME": "."}
    )
    assert "OperatedFlow was deployed by tester; to delete it, ask them" in said
    commands.well("--name", "doomed", "delete", "--yes")
    client = commands.target.client
    assert client.find_flow("f/flows/doomed") is None
    assert client.schedules.find("f/flows/doomed") is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("status", "1234"), "'1234' is not a run on Windmill; the id of one looks like windmill-"),
        (
            ("status", "windmill-0198c0de-0000-7000-8000-000000000000"),
            "There is no run windmill-0198c0de-0000-7000-8000-000000000000 in the workspace",
        ),
        (
            ("--name", "other", "status", "x"),
            "OperatedFlow is not deployed at f/flows/other in the workspace",
        ),
        (("rollback",), "Missing argument 'VERSION'; see `python "),
        (("stauts",), "There is no command 'stauts' (did you mean status?)."),
        (("list-runs", "--state", "odd"), "invalid choice: odd"),
    ],
)
def test_what_is_not_there(commands: Commands, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in commands.refused(*words)
