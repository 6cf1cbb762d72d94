"""The doctor on an embedded server: from the laptop, from a worker, and where something is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support.doctoring import doctor, findings
from tests.support.elsewhere import embedded_server, some_server
from tests.support.workspace import Workspace

from metaflow_windmill import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKERS = 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    directory = tmp_path_factory.mktemp("doctor")
    with some_server(directory, WORKERS) as server:
        server.post("/folders/create", {"name": "flows"})
        made = Workspace(server, directory / "store")
        made.install()
        yield made


def states(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {subject: item["state"] for subject, item in found.items()}


def test_all_is_well_on_a_laptop(place: Workspace, tmp_path: Path) -> None:
    done = doctor(place, tmp_path, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["healthy"] is True
    found = findings(done)
    assert states(found) == dict.fromkeys(
        (
            *("python", "metaflow", "wmill", "metaflow-windmill", "host", "clock", "token", "rights"),
            *("workspace", "folder", "scripts", "datastore", "datastore access"),
            *("workers alive", "queue", "flows", "schedules"),
        ),
        "ok",
    )
    assert found["metaflow-windmill"]["said"] == __version__
    assert found["host"]["said"].startswith(f"{place.server.url} is Windmill CE v1.788.0")
    assert found["token"]["said"] == "of admin (admin@windmill.dev)"
    assert found["rights"]["said"] == "admin is a superadmin"
    assert found["folder"]["said"] == "admin may write to f/flows"
    assert found["scripts"]["said"].endswith(f"in f/metaflow, {__version__}")
    assert found["datastore"]["said"] == f"local at {place.store}/.metaflow"
    assert "Every worker must see" in found["datastore"]["advice"]


def test_it_leaves_nothing_behind(place: Workspace, tmp_path: Path) -> None:
    store = tmp_path / "deep" / "store"
    done = doctor(place, tmp_path, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(store))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "A probe was written, read back and removed" in done.stdout
    assert not store.parent.exists()
    assert place.server.token not in done.stdout + done.stderr


def test_it_speaks_to_a_person(place: Workspace, tmp_path: Path) -> None:
    done = doctor(place, tmp_path, "--folder", "f/nowhere")
    assert done.returncode == 0
    assert done.stdout.startswith("On this machine:\n  ok    python")
    assert "  warn  folder             f/nowhere does not exist.\n" in done.stdout
    assert "-> The first deployment makes it." in done.stdout
    assert done.stdout.endswith("\n17 checks: 0 bad, 1 to look at, 16 well.\n")


def test_every_worker_is_asked(place: Workspace, tmp_path: Path) -> None:
    done = doctor(place, tmp_path, "--workers", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    there = {row["worker"] for row in place.server.get("/api/workers/list")}
    assert len(there) >= WORKERS  # elsewhere others may have workers of their own
    found = json.loads(done.stdout)["findings"]
    by_worker = {name: {item["subject"]: item for item in found if item["where"] == name} for name in there}
    assert findings(done)["workers"]["said"] == f"{len(there)} of {len(there)} that run Python answered"
    for name, seen in by_worker.items():
        assert name in seen["worker"]["said"]
        assert "tag python3" in seen["worker"]["said"]
        for subject in ("python", "metaflow", "uv", "git", "host", "clock", "token", "rights", "scripts"):
            assert subject in seen
        assert seen["datastore"]["said"] == f"local at {place.store}/.metaflow"
        assert seen["datastore access"]["state"] == seen["datastore shared"]["state"] == "ok"
    assert f"asking {len(there)} of {len(there)} workers" in done.stderr
    assert not list(place.store.rglob("doctor-*"))


def test_the_job_is_a_page(place: Workspace) -> None:
    job = place.script("doctor", datastore="local", datastore_root=str(place.store))
    assert job["success"], job["result"]
    result = job["result"]
    assert result["wm_renderer"] == "markdown"
    assert result["worker"] == job["worker"]
    assert "- ✅ datastore access: A probe was written, read back and removed" in result["markdown"]
    assert "jwt_" not in json.dumps(result)


def test_a_job_that_is_told_nothing_says_what_it_needs(place: Workspace) -> None:
    job = place.script("doctor")
    assert job["success"], job["result"]
    (datastore,) = (item for item in job["result"]["findings"] if item["subject"] == "datastore")
    assert datastore["state"] == "warn"
    assert "Deployed flows bring their own" in datastore["advice"]


def test_a_worker_that_sees_another_directory(place: Workspace) -> None:
    probe = {"name": "doctor-left-elsewhere", "text": "x"}
    job = place.script("doctor", datastore="local", datastore_root=str(place.store), probe=probe)
    assert not job["success"]
    assert "is not what it is on the machine that asks" in json.dumps(job["result"])


def test_a_wrong_token(place: Workspace, tmp_path: Path) -> None:
    done = doctor(place, tmp_path, "--json", WINDMILL_TOKEN="wrong-token")
    assert done.returncode == 1
    found = findings(done)
    assert (found["host"]["state"], found["token"]["state"]) == ("ok", "bad")
    assert "does not know this token" in found["token"]["said"]
    assert "account settings" in found["token"]["advice"]
    assert not {"rights", "folder", "scripts"} & set(found)
    assert found["datastore access"]["state"] == "ok"
    assert "wrong-token" not in done.stdout + done.stderr


def test_no_token_at_all(place: Workspace, tmp_path: Path) -> None:
    found = findings(doctor(place, tmp_path, "--json", "--workers", WINDMILL_TOKEN=""))
    assert (found["host"]["state"], found["token"]["state"]) == ("ok", "bad")
    assert found["token"]["said"].startswith("There is no Windmill token: set WINDMILL_TOKEN")
    assert found["workers"]["advice"] == "See to the lines above first."


def test_a_token_for_a_while_and_for_something(place: Workspace, tmp_path: Path) -> None:
    made = {"label": "x", "expiration": "2099-01-31T10:00:00Z", "scopes": ["flows:read", "users:read"]}
    token = place.server.post("/api/users/tokens/create", made)
    found = findings(doctor(place, tmp_path, "--json", WINDMILL_TOKEN=token))
    said = "of admin (admin@windmill.dev), until 2099-01-31, for flows:read, users:read only."
    assert found["token"]["said"] == said
    assert found["folder"]["state"] == found["scripts"]["state"] == "bad"
    assert "403" in found["folder"]["said"]


def test_a_workspace_that_is_not_there(place: Workspace, tmp_path: Path) -> None:
    done = doctor(place, tmp_path, "--json", "--workspace", "nowhere")
    assert done.returncode == 1
    found = findings(done)
    assert (found["token"]["state"], found["workspace"]["state"]) == ("ok", "bad")
    assert found["workspace"]["said"].startswith("There is no workspace 'nowhere'")


@pytest.mark.parametrize(
    ("host", "said"),
    [("http://127.0.0.1:9", "the connection was refused"), ("localhost:8000", "is not an address")],
)
def test_a_host_that_cannot_be_reached(place: Workspace, tmp_path: Path, host: str, said: str) -> None:
    done = doctor(place, tmp_path, "--host", host)
    assert done.returncode == 1
    assert said in done.stdout
    assert "  bad   host " in done.stdout
    assert "\n7 checks: 1 bad, " in done.stdout
    assert "Traceback" not in done.stderr


def test_a_datastore_that_cannot_be_written(place: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    root = str(tmp_path / "file" / "store")
    done = doctor(place, tmp_path, "--json", "--workers", METAFLOW_DATASTORE_SYSROOT_LOCAL=root)
    assert done.returncode == 1
    found = json.loads(done.stdout)["findings"]
    access = [item for item in found if item["subject"] == "datastore access"]
    assert len(access) == 1 + len(place.server.get("/api/workers/list"))
    for item in access:
        assert item["state"] == "bad"
        assert f"{root}/.metaflow cannot be written (NotADirectoryError" in item["said"]
        assert "may write" in item["advice"]


def test_a_workspace_without_the_scripts(place: Workspace, tmp_path: Path) -> None:
    with embedded_server(tmp_path / "bare", "it needs a second workspace") as bare:
        done = doctor(Workspace(bare, place.store), tmp_path, "--json", "--workers")
    assert done.returncode == 1
    found = findings(done)
    assert found["scripts"]["state"] == "warn"
    assert found["workers"]["state"] == "bad"
    for item in (found["scripts"], found["workers"]):
        assert "metaflow-windmill install" in item["advice"]


@pytest.fixture(scope="module")
def object_store() -> Iterator[dict[str, str]]:
    """Serve S3 on this machine; yield the variables that lead there."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": "s3://flows/metaflow",
        "METAFLOW_S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "not-to-be-shown",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.stop()


def test_an_object_store(place: Workspace, tmp_path: Path, object_store: dict[str, str]) -> None:
    address = object_store["METAFLOW_S3_ENDPOINT_URL"]
    absent = findings(doctor(place, tmp_path, "--json", **object_store))["datastore access"]
    assert absent["state"] == "bad"
    assert "s3://flows/metaflow cannot be written" in absent["said"]
    assert "its credentials may put, get and delete there" in absent["advice"]
    assert requests.put(f"{address}/flows", timeout=10).status_code == 200
    done = doctor(place, tmp_path, "--json", **object_store)
    found = findings(done)
    assert found["datastore"]["said"] == "s3 at s3://flows/metaflow"
    assert found["datastore access"]["state"] == "ok", found
    assert "removed" in found["datastore access"]["said"]
    assert "doctor-" not in requests.get(f"{address}/flows", timeout=10).text
    assert "not-to-be-shown" not in done.stdout + done.stderr
