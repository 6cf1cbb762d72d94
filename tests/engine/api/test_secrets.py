"""Secrets in jobs: filled in, usable, and masked in what the job prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.programs import flow, python, script

if TYPE_CHECKING:
    from tests.support.server import RunningServer

PRINTS = "def main(secret):\n    print('the secret is', secret)\n    return len(str(secret))\n"
ASKS = """
import json, os, urllib.request
def main(path):
    url = f"{os.environ['BASE_INTERNAL_URL']}/api/w/{os.environ['WM_WORKSPACE']}/{path}"
    asked = urllib.request.Request(url, headers={"Authorization": "Bearer " + os.environ["WM_TOKEN"]})
    print("it is", urllib.request.urlopen(asked).read().decode())
    return os.environ["WM_TOKEN"]
"""


@pytest.fixture
def secret(server: RunningServer, folder: str) -> str:
    variable = {"path": f"{folder}/secret", "value": "s3cret-value", "is_secret": True, "description": ""}
    server.post("/variables/create", variable)
    value = {"url": f"$var:{folder}/secret", "branch": "main"}
    server.post(
        "/resources/create", {"path": f"{folder}/repo", "value": value, "resource_type": "git_repository"}
    )
    return f"{folder}/secret"


def log_of(server: RunningServer, job: str) -> str:
    """Return the log, after checking that the file holds no more than it."""
    assert b"s3cret-value" not in (server.data / "logs" / f"{job}.log").read_bytes()
    return str(server.get(f"/jobs_u/get_logs/{job}"))


@pytest.mark.parametrize("reference", ["$var:{}/secret", "$res:{}/repo"])
def test_a_reference_in_the_arguments_is_filled_in_and_masked(
    server: RunningServer, folder: str, secret: str, reference: str
) -> None:
    server.post("/scripts/create", script(f"{folder}/prints", PRINTS))
    given = {"secret": reference.format(folder)}
    job = server.finished(server.post(f"/jobs/run/p/{folder}/prints", given))
    assert job["success"] is True
    assert job["args"] == given
    assert "the secret is" in log_of(server, job["id"])
    assert "******" in log_of(server, job["id"])


def test_a_reference_in_a_step_is_filled_in_and_masked(
    server: RunningServer, folder: str, secret: str
) -> None:
    step = python("a", PRINTS)
    step["value"]["input_transforms"] = {"secret": {"type": "static", "value": f"$var:{secret}"}}
    server.post("/flows/create", flow(f"{folder}/one", step))
    job = server.finished(server.post(f"/jobs/run/f/{folder}/one", {}))
    assert job["result"] == len("s3cret-value")
    (child,) = server.get(f"/jobs/list?parent_job={job['id']}")
    assert "******" in log_of(server, child["id"])


def test_a_reference_to_nothing_fails_the_job_with_a_sentence(server: RunningServer, folder: str) -> None:
    server.post("/scripts/create", script(f"{folder}/prints", PRINTS))
    job = server.finished(server.post(f"/jobs/run/p/{folder}/prints", {"secret": f"$var:{folder}/none"}))
    assert job["success"] is False
    assert f"Variable {folder}/none not found" in job["result"]["error"]["message"]


@pytest.mark.parametrize(
    "path", ["variables/get_value/{}/secret", "resources/get_value_interpolated/{}/repo"]
)
def test_a_secret_that_a_job_asks_for_is_masked_in_its_log(
    server: RunningServer, folder: str, secret: str, path: str
) -> None:
    server.post("/scripts/create", script(f"{folder}/asks", ASKS))
    job = server.finished(server.post(f"/jobs/run/p/{folder}/asks", {"path": path.format(folder)}))
    assert job["success"] is True, job["result"]
    assert "******" in log_of(server, job["id"])


def test_a_jobs_token_ends_with_the_job(server: RunningServer, folder: str) -> None:
    server.post("/scripts/create", script(f"{folder}/asks", ASKS))
    job = server.finished(server.post(f"/jobs/run/p/{folder}/asks", {"path": "users/whoami"}))
    token = job["result"]
    assert token.startswith("job_")
    assert server.ask("GET", "/users/whoami", token=token).status_code == 401


def test_environment_variables_of_the_workspace_reach_jobs(server: RunningServer) -> None:
    server.post("/workspaces/set_environment_variable", {"name": "TEST_OF_ENV", "value": "here"})
    code = {
        "content": "import os\ndef main():\n    return os.environ.get('TEST_OF_ENV')\n",
        "language": "python3",
    }
    assert server.post("/jobs/run_wait_result/preview", code) == "here"
    server.post("/workspaces/set_environment_variable", {"name": "TEST_OF_ENV"})
    assert server.post("/jobs/run_wait_result/preview", code) is None
