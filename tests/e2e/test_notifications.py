"""Who is told of the end of a run, whoever started it, and what becomes of a run if nobody listens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.support.deployed import Deployed
from tests.support.flow_commands import Commands
from tests.support.oracle import Home
from tests.support.reachable import reachable
from tests.support.scripted_server import Answer, scripted_server

from metaflow_windmill.client.models import instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.deployed import Target
    from tests.support.scripted_server import Script

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).parent / "flows" / "told.py"
PATH = "f/flows/Told"
OPTIONS = (
    "--notify-on-error",
    "--notify-on-success",
    "--notify-slack-webhook-url=f/told/slack",
    "--notify-webhook-url=$var:f/told/hook",
    "--workflow-title=A title",
    "--workflow-description=Told *by hand*.",
    "--workflow-timeout=600",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("told"))


@pytest.fixture(scope="module")
def receiver() -> Iterator[Script]:
    with scripted_server() as server:
        yield server


@pytest.fixture(scope="module")
def told(own_windmill: Target, home: Home, receiver: Script) -> Deployed:
    own_windmill.post("/folders/create", {"name": "told"})
    for name in ("slack", "hook"):
        address = f"{receiver.url}/a-secret-of-{name}"
        variable = {"path": f"f/told/{name}", "value": address, "is_secret": True, "description": ""}
        own_windmill.post("/variables/create", variable)
    deployed = Deployed(home, own_windmill, home.write("told", FLOW.read_text(encoding="utf-8")), "Told")
    deployed.create(*OPTIONS)
    return deployed


def start(deployed: Deployed, **arguments: Json) -> Job:
    """Start a run as Windmill's own page does; return its job when it is over."""
    return deployed.wait(f"windmill-{deployed.target.client.run_flow(PATH, arguments, str(uuid4()))}")


def notification(deployed: Deployed, run: Job, ending: str) -> tuple[Job, str]:
    """Return the job that told of a run, and its log."""
    client = deployed.target.client
    assert run.created_at is not None
    listed = client.list_jobs(script_path_start=f"{PATH}/", created_after=instant(run.created_at))
    (job,) = (client.get_job(job.id) for job in listed if job.path.endswith(ending))
    return job, client.job_logs(job.id)


def test_the_document_names_where_the_addresses_are(told: Deployed, receiver: Script) -> None:
    flow = told.target.client.get_flow(PATH)
    text = json.dumps(flow.value)
    assert receiver.url not in text
    assert "a-secret-of" not in text
    assert text.count("$var:f/told/slack") == 2  # of the two notifications, and of no task
    assert (flow.summary, flow.description.splitlines()[0]) == ("A title", "Told *by hand*.")
    assert "What its file says" not in flow.description


def test_a_run_that_succeeds(told: Deployed, receiver: Script) -> None:
    receiver.answers += [Answer(200, "ok"), Answer(204)]
    run = start(told)
    assert run.state.value == "SUCCEEDED"
    slack, hook = receiver.seen[-2:]
    run_id, page = f"windmill-{run.id}", f"{told.target.host}/run/{run.id}?workspace={told.target.workspace}"
    assert (slack.method, slack.path) == ("POST", "/a-secret-of-slack")
    assert json.loads(slack.body) == {
        "text": f":white_check_mark: *Told/{run_id}* succeeded. <{page}|Its page>"
    }
    assert hook.path == "/a-secret-of-hook"
    assert json.loads(hook.body) == {
        "status": "succeeded",
        "pathspec": f"Told/{run_id}",
        "flow": "Told",
        "run": run_id,
        "path": PATH,
        "workspace": told.target.workspace,
        "page": page,
        "owner": "tester",
        "project": None,
        "branch": None,
        "schedule": None,
        "error": None,
    }
    job, log = notification(told, run, "end_notify_on_success")
    assert (job.result["run_id"], job.result["notified"]) == (run_id, ["slack", "webhook"])
    assert job.result["markdown"].startswith("## Told succeeded")
    assert f"webhook was told that Told/{run_id} succeeded." in log


def test_a_run_that_fails_while_one_receiver_hangs_and_then_answers_500(
    told: Deployed, receiver: Script
) -> None:
    receiver.answers += [Answer(stall=True), Answer(500, "no /a-secret-of-slack today"), Answer(200)]
    run = start(told, bad=True)
    assert run.state.value == "FAILED"
    error = run.result["error"]
    assert (error["name"], error["message"]) == ("ValueError", "1 < 2 & all that")
    first, second, hook = receiver.seen[-3:]
    assert first.body == second.body
    assert "1 &lt; 2 &amp; all that" in json.loads(first.body)["text"]
    body = json.loads(hook.body)
    assert body["status"] == "failed"
    assert body["error"] == {"step": "start", "name": "ValueError", "message": "1 < 2 & all that"}
    job, log = notification(told, run, "end_notify_on_error")
    assert job.state.value == "FAILED"
    assert f"slack was not told: {reachable()} answered 500" in log
    assert f"webhook was told that Told/windmill-{run.id} failed." in log
    assert "The run stays what it was" in job.result["error"]["message"]
    assert receiver.url not in log + json.dumps(job.result)


def test_a_run_that_fails_after_a_variable_was_moved_away(told: Deployed, receiver: Script) -> None:
    told.target.post("/variables/update/f/told/slack", {"path": "f/told/moved"})
    before = len(receiver.seen)
    run = start(told, bad=True)
    assert run.result["error"]["message"] == "1 < 2 & all that"
    job, _ = notification(told, run, "end_notify_on_error")
    assert job.state.value == "FAILED"
    assert "f/told/slack" in job.result["error"]["message"]
    assert len(receiver.seen) == before


def test_what_cannot_be_is_refused_before_anything_is_done(own_windmill: Target, home: Home) -> None:
    commands = Commands(home, own_windmill, home.write("told_not", FLOW.read_text(encoding="utf-8")))
    address = "https://hooks.example.com/services/T0/B0/secret"
    said = commands.refused("create", "--notify-on-error", f"--notify-slack-webhook-url={address}")
    assert "--notify-slack-webhook-url takes the path of a variable in Windmill" in said
    assert "services" not in said
    said = commands.refused("create", "--notify-on-error", "--notify-webhook-url=f/flows/nowhere")
    assert "no variable or resource f/flows/nowhere (for --notify-webhook-url)" in said
    said = commands.refused("create", "--workflow-timeout=0")
    assert "--workflow-timeout takes 1 to" in said
