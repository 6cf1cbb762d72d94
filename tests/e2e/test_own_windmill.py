"""The compose file says what it should; the commands of its page work, on the embedded server and on S3."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from metaflow._vendor import yaml
from tests.e2e.test_docs import commands_of
from tests.support.elsewhere import embedded_server
from tests.support.git_repository import GitRepository, git
from tests.support.object_store import BUCKET, object_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import Server

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "own-windmill.md"
FILE = yaml.safe_load((ROOT / "examples" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = FILE["services"]
JOBS = SERVICES["worker"]["environment"]["WHITELIST_ENVS"].split(",")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with object_store(tmp_path_factory.mktemp("moto")) as address:
        yield address


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, store: str) -> Iterator[Server]:
    """A server whose jobs see what those of the compose file's workers see."""
    values = {**SERVICES["worker"]["environment"], "METAFLOW_S3_ENDPOINT_URL": store}
    why = "its jobs have what the workers of the compose file have"
    with embedded_server(tmp_path_factory.mktemp("own"), why) as running:
        for name in JOBS:
            running.post("/workspaces/set_environment_variable", {"name": name, "value": values[name]})
        allowed = {"name": "METAFLOW_WINDMILL_ALLOW_FILE_REPOSITORIES", "value": "1"}
        running.post("/workspaces/set_environment_variable", allowed)
        yield running


def test_every_image_is_pinned() -> None:
    for name, service in SERVICES.items():
        assert re.search(r":(RELEASE\.)?\d[\w.-]+$", service["image"]), name
    assert SERVICES["server"]["image"] == SERVICES["worker"]["image"]
    assert SERVICES["server"]["image"].endswith(":1.788.0")


def test_it_is_a_server_and_two_isolating_workers_on_one_database() -> None:
    server, worker = (SERVICES[name]["environment"] for name in ("server", "worker"))
    assert (server["MODE"], worker["MODE"], worker["WORKER_GROUP"]) == ("server", "worker", "default")
    assert worker["FAVOR_UNSHARE_PID"] == "true"
    assert SERVICES["worker"]["privileged"] is True
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    database = SERVICES["database"]["environment"]
    address = f"postgres://postgres:{database['POSTGRES_PASSWORD']}@database/{database['POSTGRES_DB']}?sslmode=disable"
    assert server["DATABASE_URL"] == worker["DATABASE_URL"] == address


def test_what_refers_to_something_else_in_it_finds_it() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert "healthcheck" in SERVICES[needed], name
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in FILE["volumes"], name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "nobody else reaches it until somebody says so"


def test_jobs_know_the_store_by_its_name_and_key() -> None:
    worker, store = SERVICES["worker"]["environment"], SERVICES["store"]["environment"]
    assert set(JOBS) == {name for name in worker if name.startswith(("METAFLOW_", "AWS_"))}
    assert worker["METAFLOW_S3_ENDPOINT_URL"] == "http://store:9000"
    assert worker["METAFLOW_DATASTORE_SYSROOT_S3"].startswith(f"s3://{BUCKET}/")
    keys = (worker["AWS_ACCESS_KEY_ID"], worker["AWS_SECRET_ACCESS_KEY"])
    assert keys == (store["MINIO_ROOT_USER"], store["MINIO_ROOT_PASSWORD"])
    making = SERVICES["bucket"]["entrypoint"][-1]
    assert f"http://store:9000 {' '.join(keys)} " in making
    assert making.endswith(f"here/{BUCKET}")


def test_the_page_speaks_of_this_file() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("-f examples/compose.yaml") == 2
    assert (ROOT / "README.md").read_text(encoding="utf-8").count(
        "## On a Windmill of your own in five minutes"
    ) == 1
    for value in ("s3://flows/metaflow", "AWS_ACCESS_KEY_ID=flows", "AWS_SECRET_ACCESS_KEY=changeme"):
        assert value in text


@pytest.mark.slow
def test_the_commands_of_the_page_work_as_they_stand(server: Server, store: str, tmp_path: Path) -> None:
    git("init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "flows.git"), directory=tmp_path)
    origin = GitRepository(tmp_path / "flows.git")
    origin.commit({"models.py": (ROOT / "examples" / "models.py").read_text(encoding="utf-8")})
    text = "\n".join(commands_of(PAGE))
    for reader, ours in {
        "http://localhost:8000": server.url,
        "WINDMILL_TOKEN=...": f"WINDMILL_TOKEN={server.token}",
        "WINDMILL_WORKSPACE=my-workspace": f"WINDMILL_WORKSPACE={server.workspace}",
        "https://git.example.com/team/flows.git": origin.url,
    }.items():
        assert reader in text
        text = text.replace(reader, ours)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW_", "WM_"))}
    environment = {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        **{name: str(SERVICES["worker"]["environment"][name]) for name in JOBS},
        "METAFLOW_S3_ENDPOINT_URL": store,
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert '"outcome":"created"' in done.stdout.replace(" ", "")
    assert '"run_id":"windmill-' in done.stdout.replace(" ", "")
    assert " checks: 0 bad," in done.stdout
