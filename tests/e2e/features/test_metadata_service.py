"""Runs whose metadata is in Metaflow's metadata service: what is there, who may, and what is said if not.

The service is one in memory. ``METADATA_SERVICE=http://...`` has the same tests speak to a real one.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support.flow_commands import Commands
from tests.support.metadata_exchanges import CREATING, FILLING, LISTS
from tests.support.metadata_gate import Ask, Gate, elsewhere, open_gate
from tests.support.metadata_service import MetadataService
from tests.support.oracle import Home, RunSeen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.deployed import Target

pytestmark = [pytest.mark.metaflow, pytest.mark.slow]

FLOW = Path(__file__).with_name("flows") / "served.py"
KEY = "the-key-of-the-service"
HEADERS = json.dumps({"x-api-key": KEY})
SECRET = ("--secret", "METAFLOW_SERVICE_HEADERS=u/admin/headers")
ONCE = ("--secret", "METAFLOW_SERVICE_RETRY_COUNT=u/admin/once")  # Metaflow tries for 15 seconds
REAL = os.environ.get("METADATA_SERVICE", "")


@pytest.fixture(scope="module")
def ask() -> Ask:
    return elsewhere(REAL) if REAL else MetadataService(beat_seconds=1).answer


@pytest.fixture(scope="module")
def outside(ask: Ask) -> Iterator[Gate]:
    """The service as a person's machine reaches it."""
    with open_gate(Gate(ask, {"x-api-key": KEY}, version())) as gate:
        yield gate


@pytest.fixture(scope="module")
def inside(ask: Ask) -> Iterator[Gate]:
    """The service as workers reach it."""
    with open_gate(Gate(ask, {"x-api-key": KEY}, version())) as gate:
        yield gate


@pytest.fixture(scope="module")
def commands(
    tmp_path_factory: pytest.TempPathFactory, own_windmill: Target, outside: Gate, inside: Gate
) -> Commands:
    for name, value in {"headers": HEADERS, "once": "1", "key": KEY}.items():
        body = {"path": f"u/admin/{name}", "value": value, "is_secret": True, "description": ""}
        own_windmill.post("/variables/create", body)
    settings = {
        "METAFLOW_DEFAULT_METADATA": "service",
        "METAFLOW_SERVICE_URL": outside.url,
        "METAFLOW_SERVICE_INTERNAL_URL": inside.url,
        "METAFLOW_SERVICE_AUTH_KEY": KEY,
    }
    home = Home(tmp_path_factory.mktemp("served"), settings)
    return Commands(home, own_windmill, home.write("served", FLOW.read_text()))


@pytest.fixture(scope="module")
def run(commands: Commands) -> str:
    """A run of the flow, tagged."""
    said = commands.well("run", *SECRET, "--tag", "mine", "--run-id-file", str(commands.home.root / "id"))
    assert "Note: the headers" not in said.err
    return (commands.home.root / "id").read_text()


@pytest.fixture(scope="module")
def seen(commands: Commands, run: str) -> RunSeen:
    (found,) = commands.home.read(f"ServedFlow/{run}")
    return found


def log_of(commands: Commands, run: str, module: str) -> str:
    """Return what the job of a module of a run said."""
    modules = commands.target.client.get_job(run.removeprefix("windmill-")).flow_status["modules"]
    (job,) = (found["job"] for found in modules if found["id"] == module)
    return commands.target.client.job_logs(job)


def version() -> str:
    return requests.get(f"{REAL}/ping", timeout=30).headers["METADATA_SERVICE_VERSION"] if REAL else "2.5.1"


def ids(row: Any, flow: str) -> Any:
    """Return what tells a row of a list apart."""
    if isinstance(row, str):
        return row.replace(flow, "F")
    if "attempt_id" in row:
        return row["name"], row["attempt_id"]
    return row.get("field_name") or row.get("task_id") or row["step_name"]


def test_the_service_answers_as_metaflows_own(ask: Ask) -> None:
    flow = f"F{uuid.uuid4().hex}"
    for status, method, path, body in (*CREATING, *FILLING):
        assert (status, method, path) == (ask(method, f"/flows/{flow}{path}", body)[0], method, path)
    for path, members in LISTS.items():
        status, rows = ask("GET", f"/flows/{flow}{path}", None)
        assert (status, path, sorted(ids(row, flow) for row in rows)) == (200, path, sorted(members))
    _, task = ask("GET", f"/flows/{flow}/runs/windmill-1/steps/start/tasks/t", None)
    assert (task["run_number"], task["task_id"], task["user_name"]) == ("windmill-1", "t", "ann")
    assert (task["tags"], task["system_tags"]) == (["new"], ["metaflow_version:2.19.39", "runtime:windmill"])


def test_a_run_is_in_the_service(seen: RunSeen, run: str, ask: Ask) -> None:
    assert seen.successful
    assert seen.at("join").artifacts["squares"] == "[0, 1, 4]"
    assert [seen.at("work", index).attempt for index in range(3)] == [0, 1, 0]
    place = f"/flows/ServedFlow/runs/{run}"
    steps = {step["step_name"] for step in ask("GET", f"{place}/steps", None)[1]}
    assert steps == {"_parameters", "start", "work", "join", "end"}
    tasks = [task["task_id"] for task in ask("GET", f"{place}/steps/work/tasks", None)[1]]
    assert sorted(tasks) == ["t-0", "t-1", "t-2"]
    metadata = ask("GET", f"{place}/steps/work/tasks/t-1/metadata", None)[1]
    jobs = {row["value"] for row in metadata if row["field_name"] == "windmill-job-id"}
    assert len(jobs) == 2  # an attempt each
    first = ask("GET", f"{place}/steps/work/tasks/t-1/attempt/0/artifacts", None)[1]
    names = {row["name"] for row in first}
    assert "tried" in names
    assert "square" not in names


def test_the_run_is_tagged_and_its_tags_can_be_changed(commands: Commands, run: str, ask: Ask) -> None:
    _, found = ask("GET", f"/flows/ServedFlow/runs/{run}", None)
    token = commands.target.client.get_flow("f/flows/ServedFlow").value["flow_env"]["metaflow"]["token"]
    assert found["tags"] == ["mine"]
    assert {"runtime:windmill", f"production:{token}"} <= set(found["system_tags"])
    done = commands.home.python(
        "-c",
        f"from metaflow import Run, namespace; namespace('production:{token}')\n"
        f"run = Run('ServedFlow/{run}'); run.replace_tag('mine', 'yours'); print(*run.user_tags)",
    )
    assert done.stdout.split() == ["yours"], done.stderr


def test_tasks_and_their_run_are_seen_to_be_alive(seen: RunSeen) -> None:
    of_task, of_run = json.loads(seen.at("start").artifacts["beats"])
    assert of_task > 0
    assert of_run > 0  # by its task's: nobody sends a run's own


def test_workers_and_people_come_by_their_own_addresses(seen: RunSeen, outside: Gate, inside: Gate) -> None:
    assert inside.seen.count("POST /flows/ServedFlow/run") == 1
    assert inside.count("POST /flows/ServedFlow/runs/") > 5
    assert outside.count("GET /ping") >= 1
    assert not outside.count("POST ")


def test_the_key_is_in_no_document_and_no_log(commands: Commands, seen: RunSeen, run: str) -> None:
    value = commands.target.client.get_flow("f/flows/ServedFlow").value
    assert KEY not in json.dumps(value)
    assert "u/admin/headers" in json.dumps(value)
    kept = commands.home.python(commands.flow, "--quiet", "--no-pylint", "logs", f"{run}/start").stdout
    for log in (kept, log_of(commands, run, "start")):
        assert "headers: ******** key: ********" in log
        assert KEY not in log


def test_exit_hooks_find_the_run(commands: Commands, seen: RunSeen, run: str) -> None:
    assert "the hook saw True mine" in log_of(commands, run, "end_on_success")


def test_a_resumed_run_is_there_too(commands: Commands, seen: RunSeen, run: str, ask: Ask) -> None:
    file = commands.home.root / "resumed"
    commands.well("create", "--secret", "METAFLOW_SERVICE_AUTH_KEY=u/admin/key")
    commands.well("resume", run, "--step-to-rerun", "join", "--run-id-file", str(file))
    (resumed,) = commands.home.read(f"ServedFlow/{file.read_text()}")
    assert resumed.successful
    assert resumed.at("join").artifacts["squares"] == "[0, 1, 4]"
    path = f"/flows/ServedFlow/runs/{file.read_text()}/steps/start/tasks/t/metadata"
    origins = {row["value"] for row in ask("GET", path, None)[1] if row["field_name"] == "origin-run-id"}
    assert origins == {run}


def test_tasks_without_the_key_say_what_is_missing(commands: Commands) -> None:
    said = commands("run", "--name", "keyless")
    assert "Note: the headers that let you in to the metadata service are not part" in said.err
    assert "add --secret METAFLOW_SERVICE_HEADERS=f/folder/variable" in said.err
    assert said.status == 1
    assert "does not let this worker in" in said.err
    assert "deploy the flow with --secret METAFLOW_SERVICE_HEADERS=f/folder/variable" in said.err
    assert KEY not in said.err


def test_headers_that_are_no_json_are_not_shown(commands: Commands) -> None:
    secret = ("--secret", "METAFLOW_SERVICE_HEADERS=u/admin/key")
    said = commands("run", "--name", "no_json", *secret)
    assert said.status == 1
    assert "METAFLOW_SERVICE_HEADERS holds no JSON object" in said.err
    assert KEY not in said.err


def test_a_service_that_workers_cannot_reach(commands: Commands) -> None:
    nowhere = {"METAFLOW_SERVICE_INTERNAL_URL": "http://127.0.0.1:9"}
    said = commands("run", "--name", "far", *SECRET, *ONCE, env=nowhere)
    assert said.status == 1
    assert "The metadata service at http://127.0.0.1:9 does not answer this worker" in said.err
    assert "METAFLOW_SERVICE_INTERNAL_URL names its address for workers" in said.err


def test_what_a_person_is_told_before_anything_is_deployed(commands: Commands, ask: Ask) -> None:
    def refused(**env: str) -> str:
        return commands.refused("create", "--name", "none", env={f"METAFLOW_{k}": v for k, v in env.items()})

    nowhere = {"SERVICE_URL": "http://127.0.0.1:9"}
    assert "at http://127.0.0.1:9 does not answer (ConnectionError); start it" in refused(**nowhere)
    assert "nothing says where it is; set METAFLOW_SERVICE_URL" in refused(SERVICE_URL="")
    said = refused(SERVICE_INTERNAL_URL="http://ann:hunter2@inside")
    assert "at inside holds a user name or a password" in said
    assert "hunter2" not in said
    with open_gate(Gate(ask, version="2.0.1")) as old:
        assert "is of version 2.0.1, and only from 2.0.2 on" in refused(SERVICE_URL=old.url)
    assert not commands.target.client.flow_exists("f/flows/none")
    commands.well(
        *("create", "--name", "unasked", *SECRET),
        env={f"METAFLOW_{k}": v for k, v in nowhere.items()} | {"METAFLOW_SERVICE_VERSION_CHECK": "0"},
    )
