"""A flow whose data and code are in S3, which its tasks reach by what Windmill tells them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from tests.support.deployed import Target
from tests.support.elsewhere import some_server
from tests.support.flow_commands import Commands
from tests.support.object_store import BUCKET, object_store
from tests.support.oracle import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json

pytestmark = [pytest.mark.metaflow, pytest.mark.slow]

FLOW = Path(__file__).with_name("flows") / "stored.py"
KEY_ID, KEY = "the-id-of-the-key", "the-key-that-nobody-sees"
FEW_PROCESSES = {"METAFLOW_S3_WORKER_COUNT": "1"}  # Metaflow starts 64 of them for each read or write
SECRET = ("--secret", "AWS_SECRET_ACCESS_KEY=u/admin/s3#secretKey")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with object_store(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A server of its own: variables of a workspace reach every job."""
    with some_server(tmp_path_factory.mktemp("windmill")) as running:
        target = Target(running.url, running.token, running.workspace)
        running.tell_jobs({"AWS_ACCESS_KEY_ID": KEY_ID, **FEW_PROCESSES})
        variable = {"path": "u/admin/key", "value": KEY, "is_secret": True, "description": ""}
        resource = {"path": "u/admin/s3", "resource_type": "s3", "value": {"secretKey": "$var:u/admin/key"}}
        target.post("/variables/create", variable)
        target.post("/resources/create", resource)
        yield target


@pytest.fixture
def commands(tmp_path: Path, server: Target, address: str) -> Commands:
    (tmp_path / "text.txt").write_text("included")
    settings = {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
        "METAFLOW_DATATOOLS_S3ROOT": f"s3://{BUCKET}/data",
        "METAFLOW_S3_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
        **FEW_PROCESSES,
    }
    home = Home(tmp_path, settings)
    return Commands(home, server, home.write("stored", FLOW.read_text()))


def test_a_run_with_all_its_data_in_s3(commands: Commands, address: str) -> None:
    file = commands.home.root / "id"
    said = commands.well("run", *SECRET, "--run-id-file", str(file))
    assert "every worker must see this directory" not in said.err
    run = file.read_text()
    (seen,) = commands.home.read(f"StoredFlow/{run}")
    assert seen.successful
    assert seen.at("join").artifacts["squares"] == "[0, 1, 4]"
    assert seen.at("work", 1).attempt == 1
    end = seen.at("end").artifacts
    assert (end["note"], end["text"]) == ("'kept by the S3 client'", "'included'")
    page = commands.target.client.get_job(run.removeprefix("windmill-")).result["markdown"]
    rows = [line.split() for line in page.splitlines()]
    assert ["note", "str"] in [row[:2] for row in rows]
    assert page.startswith("## StoredFlow succeeded in ")
    assert KEY not in page
    listed = requests.get(f"{address}/{BUCKET}?list-type=2", timeout=30).text
    assert f"metaflow/StoredFlow/{run}/end/t/" in listed
    document = json.dumps(commands.target.client.get_flow("f/flows/StoredFlow").value)
    assert f"s3://{BUCKET}/metaflow/StoredFlow/data/" in document
    assert KEY not in document
    shown = commands.home.python(commands.flow, "--no-pylint", "--quiet", "card", "get", f"{run}/start/t")
    assert "<html" in shown.stdout
    logs = commands.home.python(commands.flow, "--no-pylint", "--quiet", "logs", f"{run}/work/t-2").stdout
    assert "worked on 2" in logs
    _check_what_is_told_to_a_page(commands, run)


def _check_what_is_told_to_a_page(commands: Commands, run: str) -> None:
    """The metadata of its tasks is nowhere but in the store."""
    environment = commands.target.client.get_flow("f/flows/StoredFlow").value["flow_env"]
    asked = {"environment": environment, "run": run.removeprefix("windmill-")}
    told = {each["task"].removeprefix(f"StoredFlow/{run}/"): each for each in kept(commands, asked)["tasks"]}
    assert sorted(told) == ["end/t", "join/t", "start/t", "work/t-0", "work/t-1", "work/t-2"]
    assert [artifact["name"] for artifact in told["join/t"]["artifacts"]] == ["squares", "text"]
    assert told["start/t"]["cards"] == ["default"]
    card = {**asked, "task": told["start/t"]["task"], "card": 0}
    assert "<html" in kept(commands, card)["html"]
    environment["metaflow"]["datastore"]["root"] = "s3://none/x"
    error = kept(commands, card)["error"]
    assert f"What StoredFlow/{run} has left cannot be read from s3://none/x (" in error


def kept(commands: Commands, asked: Json) -> Json:
    """Ask the program that tells the embedded server's pages what a run keeps."""
    done = subprocess.run(
        [sys.executable, "-m", "metaflow_windmill.workspace.compiling.kept_data"],
        cwd=commands.home.root,
        env=commands.home.environment,
        input=json.dumps(asked),
        text=True,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_tasks_that_share_a_job_share_their_data_by_s3(commands: Commands) -> None:
    file = commands.home.root / "id"
    commands.well("run", *SECRET, "--name", "packed", "--pack", "3", "--run-id-file", str(file))
    run = file.read_text()
    (seen,) = commands.home.read(f"StoredFlow/{run}")
    assert seen.successful
    assert seen.at("end").artifacts["squares"] == "[0, 1, 4]"
    assert [seen.at("work", item).attempt for item in range(3)] == [0, 1, 0]
    modules = commands.target.client.get_job(run.removeprefix("windmill-")).flow_status["modules"]
    jobs = [job for module in modules[1:3] for job in module.get("flow_jobs") or [module["job"]]]
    results = [commands.target.client.get_job(job).result for job in jobs]
    rows = [(row["task"], row["state"]) for result in results for row in result["tasks"]]
    assert rows == [
        ("work/t-0", "done before"),
        ("work/t-1", "done"),
        ("work/t-2", "done before"),
        ("join/t", "done"),
        ("end/t", "done"),
    ]


def test_a_worker_without_the_key_says_so(commands: Commands) -> None:
    commands.flow.write_text(FLOW.read_text() + "# not in the cache of the worker yet\n")
    said = commands("run")
    assert said.status == 1
    assert "The code package cannot be read from s3://flows/metaflow/StoredFlow/data/" in said.err
    assert "give the worker the credentials" in said.err
    assert KEY not in said.err


def test_a_bucket_that_is_not_there_is_refused(commands: Commands) -> None:
    said = commands("create", "--name", "lost", *SECRET, env={"METAFLOW_DATASTORE_SYSROOT_S3": "s3://none/x"})
    assert said.status == 1
    assert "The code package cannot be saved in s3://none/x" in said.err
    assert not commands.target.client.flow_exists("f/flows/lost")
