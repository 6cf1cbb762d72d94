"""``create``, ``trigger`` and ``run`` on real flows: what a person reads, and what is there afterwards."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed
from tests.support.flow_commands import Commands
from tests.support.oracle import Home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = """
from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, step


class CliFlow(FlowSpec):
    alpha = Parameter("alpha", type=float, required=True, help="How much")
    words = Parameter("words", default="a,b", separator=",")
    retry_count = Parameter("retry_count", default=2)
    options = Parameter("options", type=JSONType, default="{}")
    person = Parameter("name", default=None)
    table = IncludeFile("table", default=None)

    @step
    def start(self):
        print("alpha is", self.alpha)
        self.next(self.end)

    @step
    def end(self):
        if self.alpha < 0:
            raise ValueError("alpha * is negative")


if __name__ == "__main__":
    CliFlow()
"""

SCHEDULED = """
from metaflow import FlowSpec, project, schedule, step


@schedule(SCHEDULE)
@project(name="shop")
class NightlyFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NightlyFlow()
"""


LANES = """
from metaflow import FlowSpec, step


class LanesFlow(FlowSpec):
    @step
    def start(self):
        self.items = [0, 1]
        self.next(self.split, foreach="items")

    @step
    def split(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.joined)

    @step
    def right(self):
        self.next(self.joined)

    @step
    def joined(self, inputs):
        if inputs.left.input == 1:
            raise ValueError("cannot join 1")
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LanesFlow()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def commands(home: Home, windmill: Target) -> Commands:
    return Commands(home, windmill, home.write("cli_flow", FLOW))


def nightly(home: Home, windmill: Target, schedule: str) -> Commands:
    return Commands(home, windmill, home.write("nightly", SCHEDULED.replace("SCHEDULE", schedule)))


def test_create_says_where_the_flow_is(commands: Commands, windmill: Target) -> None:
    said = commands.well("create", "--tag", "mine", "--folder", "f/teams")
    assert said.out == ""
    assert "Deploying CliFlow to Windmill at" in said.err
    assert "Made the folder f/teams, which was not there." in said.err
    assert "CliFlow is deployed as f/teams/CliFlow." in said.err
    assert f"{windmill.host}/flows/get/f/teams/CliFlow?workspace={windmill.workspace}" in said.err
    assert "production:cliflow-0-" in said.err
    assert f"Its data is kept in {commands.home.root}/.metaflow: every worker must see" in said.err
    assert "It runs when it is triggered." in said.err
    flow = windmill.client.get_flow("f/teams/CliFlow")
    assert flow.labels == ("metaflow", "flow:CliFlow")
    assert flow.schema["required"] == ["alpha"]
    assert flow.value["flow_env"]["metaflow"]["tags"] == ["mine"]
    again = commands.well("create", "--folder", "f/teams")
    assert "CliFlow is deployed again as f/teams/CliFlow." in again.err
    assert len(windmill.client.flow_history("f/teams/CliFlow")) == 2


def test_parameters_arrive_exactly(commands: Commands, windmill: Target) -> None:
    commands.well("create")
    exact = 'it\'s "$HOME" `ls` \\ a=b\n\tü 中'
    (commands.home.root / "rows.txt").write_text("one\ntwo\n")
    (commands.home.root / "long.json").write_text(json.dumps({"options": {"x": "y" * 200_000}}))
    numbers = commands.home.root / "numbers"
    commands.well(
        "trigger",
        *("--alpha", "0.5", "--retry_count", "7", "--name", exact, "--table", "rows.txt"),
        *("--run-param", "words=x,y,z", "--run-params-file", "long.json"),
        *("--run-id-file", str(numbers)),
    )
    seen = Deployed(commands.home, windmill, commands.flow, "CliFlow").finish(numbers.read_text())
    artifacts = seen.at("end").artifacts
    assert seen.successful
    assert artifacts["alpha"] == "0.5"
    assert artifacts["retry_count"] == "7"
    assert artifacts["person"] == repr(exact)
    assert artifacts["table"] == repr("one\ntwo\n")
    assert artifacts["words"] == repr(["x", "y", "z"])
    assert artifacts["options"] == repr({"x": "y" * 200_000})


def test_run_follows_to_the_end(commands: Commands, windmill: Target) -> None:
    said = commands.well("run", "--alpha", "1", "--run-id-file", str(commands.home.root / "id"))
    run = (commands.home.root / "id").read_text()
    assert re.fullmatch(r"windmill-[0-9a-f-]{36}", run)
    lines = [line[10:] for line in said.err.splitlines() if re.match(r"\d\d:\d\d:\d\d  ", line)]
    assert [re.sub(r"\d+\.\d s", "N s", line) for line in lines] == [
        "start/t started",
        "start/t done after N s",
        "end/t started",
        "end/t done after N s",
    ]
    assert f"CliFlow/{run} is done." in said.err
    (seen,) = commands.home.read(f"CliFlow/{run}")
    assert seen.successful
    (line,) = re.findall(r"In Python:\n +(.*)\n", said.err)
    assert line in commands.well("status", run).out
    assert line.startswith(f"{re.findall('namespace.*', said.err)[1]}; Run(")  # what `create` says
    result = windmill.client.get_job(run.removeprefix("windmill-")).result
    assert (result["wm_renderer"], result["run_id"]) == ("markdown", run)
    assert re.match(r"## CliFlow succeeded in \d+\.\d s, 2 tasks, 0 retries\n", result["markdown"])
    rows = [line.split() for line in result["markdown"].splitlines()]
    assert ["alpha", "float", "21", "B", "1.0"] in rows
    assert [row[:3] for row in rows if row[1:3] == ["1", "0"]] == [["start", "1", "0"], ["end", "1", "0"]]
    (code,) = re.findall("```python\n(.*?)\n```", result["markdown"], re.DOTALL)
    assert f"{line.partition(';')[0]}\nrun = Run(" in code
    read = commands.home.write("paste", f"{code}\nfrom metaflow import Run, namespace\n{line}.successful\n")
    done = commands.home.python(read)
    assert done.returncode == 0, done.stderr


def test_run_fails_when_the_flow_fails(commands: Commands, windmill: Target) -> None:
    said = commands("run", "--alpha", "-1", "--name", "Bob")
    assert said.status == 1
    assert "end/t failed after" in said.err
    assert "failed at end/t: ValueError: alpha * is negative" in said.err
    assert re.search(
        r"Its log: python \S*cli_flow.py windmill logs windmill-[0-9a-f-]+ --step end/t\n", said.err
    )
    assert "Traceback" not in said.err
    (run,) = {*re.findall(r"windmill-([0-9a-f-]{36})", said.err)}
    result = windmill.client.get_job(run).result
    assert "negative" in result["error"]["message"]
    assert result.keys() == {"error"}, "a run that failed has its first error as its result, and no page"


def test_a_join_that_fails_in_a_lane_is_told_with_its_reason(home: Home, windmill: Target) -> None:
    flow = Commands(home, windmill, home.write("lanes", LANES))
    said = flow("run", "--max-workers", "1", "--run-id-file", str(home.root / "id"))
    run = (home.root / "id").read_text()
    assert re.search(r"joined/t-1 failed after \d+\.\d s: ValueError: cannot join 1", said.err)
    assert f"LanesFlow/{run} failed at joined/t-1: ValueError: cannot join 1" in said.err
    shown = json.loads(flow.well("status", run, "--json").out)
    assert (shown["failed_step"], shown["error"]) == ("joined", "ValueError: cannot join 1")
    assert [task["error"] for task in shown["tasks"] if "error" in task] == ["ValueError: cannot join 1"]
    assert "joined/t-1, attempt 1: ValueError: cannot join 1" in flow.well("status", run).out


def test_run_waits_no_longer_than_it_is_told(commands: Commands) -> None:
    said = commands("run", "--alpha", "1", "--max-wait", "0")
    assert said.status == 1
    assert "the run is not over after 0 seconds; it goes on" in said.err.lower()
    assert "is done" not in commands.well("run", "--alpha", "1", "--no-wait").err


def test_a_deployment_of_another_name(commands: Commands, windmill: Target) -> None:
    commands.well("create", "--name", "second")
    assert windmill.client.flow_exists("f/flows/second")
    said = commands.well("--name", "second", "trigger", "--alpha", "1", "--name", "Bob")
    assert "CliFlow was triggered on Windmill (run-id windmill-" in said.err
    run = commands.well("--name", "second", "run", "--name", "Bob", "--alpha", "1", "--no-wait")
    assert "CliFlow is deployed again as f/flows/second" in run.err


def test_only_json_asks_no_server(commands: Commands) -> None:
    nowhere = {"WINDMILL_HOST": "http://127.0.0.1:9", "WINDMILL_TOKEN": ""}
    document = json.loads(commands.well("create", "--only-json", env=nowhere).out)
    assert (document["path"], document["labels"]) == ("f/flows/CliFlow", ["metaflow", "flow:CliFlow"])
    record = document["value"]["flow_env"]["metaflow"]
    assert record["flow"] == "CliFlow"
    assert record["package"]["sha"] in record["package"]["url"]
    assert [module["id"] for module in document["value"]["modules"]][:2] == ["start", "end"]
    assert document == json.loads(commands.well("create", "--only-json", env=nowhere).out)


def test_mermaid_and_help_ask_no_server(commands: Commands) -> None:
    nowhere = {"WINDMILL_HOST": "http://127.0.0.1:9", "WINDMILL_TOKEN": ""}
    drawn = commands.well("mermaid", env=nowhere).out
    assert drawn.startswith("flowchart TD")
    assert "m_start --> m_end" in drawn
    helped = commands.well("trigger", "--help", env=nowhere).out
    assert "--alpha" in helped
    assert "How much" in helped


def test_branches_of_a_project_stand_apart(home: Home, windmill: Target) -> None:
    flow = nightly(home, windmill, "daily=False")
    flow.well("create")
    replace(flow, top=("--branch", "try_it")).well("create")
    replace(flow, top=("--production",)).well("create")
    found = {item.path: item.labels for item in windmill.client.list_flows(label="project:shop")}
    assert set(found) == {
        "f/flows/shop/user-tester/NightlyFlow",
        "f/flows/shop/test-try_it/NightlyFlow",
        "f/flows/shop/prod/NightlyFlow",
    }
    assert "production" in found["f/flows/shop/prod/NightlyFlow"]
    said = replace(flow, top=("--production",)).refused("create", "--name", "mine")
    assert "--name cannot be used with @project; use --branch instead." in said


def test_schedules_follow_the_flow_file(home: Home, windmill: Target) -> None:
    path = "f/flows/shop/user-tester/NightlyFlow"
    said = nightly(home, windmill, "cron='*/5 3 * * MON-FRI *', timezone='Europe/Paris'").well("create")
    assert "It runs by itself at '0 */5 3 * * MON-FRI', Europe/Paris." in said.err
    schedule = windmill.client.schedules.find(path)
    assert schedule is not None
    assert (schedule.cron, schedule.timezone, schedule.enabled) == (
        "0 */5 3 * * MON-FRI",
        "Europe/Paris",
        True,
    )
    windmill.client.schedules.enable(path, enabled=False)
    changed = nightly(home, windmill, "hourly=True")
    assert "The schedule is suspended" in changed.well("create").err
    schedule = windmill.client.schedules.find(path)
    assert schedule is not None
    assert (schedule.cron, schedule.timezone, schedule.enabled) == ("0 0 * * * ?", "Etc/UTC", False)
    gone = nightly(home, windmill, "daily=False").well("create")
    assert "Its schedule was removed; it runs when it is triggered." in gone.err
    assert windmill.client.schedules.find(path) is None


def test_tokens_guard_a_deployment(home: Home, windmill: Target, tmp_path: Path) -> None:
    flow = Commands(home, windmill, home.write("guarded", FLOW.replace("CliFlow", "GuardedFlow")))
    flow.well("create", "--new-token", "mine")
    elsewhere = {"METAFLOW_USER": "bob", "METAFLOW_HOME": str(tmp_path / "bob")}
    said = flow.refused("create", env=elsewhere)
    assert "GuardedFlow was deployed by tester; to deploy a new version of it, ask them for its" in said
    assert "add --authorize TOKEN." in said
    flow.well("create", "--authorize", "production:mine", env=elsewhere)
    flow.well("create", env=elsewhere)  # the token was remembered, and bob is the owner now
    record = windmill.client.get_flow("f/flows/GuardedFlow").value["flow_env"]["metaflow"]
    assert (record["owner"], record["token"]) == ("bob", "mine")
    said = flow.refused("create", "--generate-new-token", env=elsewhere)
    assert "choose the next one by --new-token too" in said


def test_flows_of_a_project_share_a_token(home: Home, windmill: Target, tmp_path: Path) -> None:
    text = SCHEDULED.replace("SCHEDULE", "daily=False").replace("shop", "till")
    files = [home.write(name.lower(), text.replace("Nightly", name)) for name in ("Nightly", "Weekly")]
    nightly, weekly = (Commands(home, windmill, file, top=("--production",)) for file in files)
    elsewhere = {"METAFLOW_USER": "bob", "METAFLOW_HOME": str(tmp_path / "bob")}
    nightly.well("create")
    weekly.well("create")
    first = token_of(windmill, "f/flows/till/prod/NightlyFlow")
    assert re.fullmatch(r"mfprj-[a-z0-9]+-0-[a-z]{4}", first)
    assert token_of(windmill, "f/flows/till/prod/WeeklyFlow") == first
    nightly.well("create", "--authorize", f"production:{first}", env=elsewhere)
    weekly.well("create", env=elsewhere)  # one token opens all of the branch
    said = nightly.well("create", "--generate-new-token", env=elsewhere)
    second = token_of(windmill, "f/flows/till/prod/NightlyFlow")
    assert second.startswith(first.replace("-0-", "-1-")[:-4])
    assert f"production:{second}" in said.err
    assert "was deployed by bob" in nightly.refused("create")  # the token that was remembered is the old one


def token_of(windmill: Target, path: str) -> str:
    return str(windmill.client.get_flow(path).value["flow_env"]["metaflow"]["token"])
