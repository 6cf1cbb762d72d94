"""Flows from git whose data and code are in S3: the job has the keys, the repository's code has none."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support.azure_store import AZURITE, CONTAINER, SECRET, azure_store
from tests.support.git_repository import new_repository
from tests.support.object_store import BUCKET, object_store
from tests.support.workspace import outcomes, reasons, workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.workspace import Workspace

pytestmark = [pytest.mark.slow]

KEY = "the-key-that-nobody-sees"
FLOW = """\
import json, os
from metaflow import FlowSpec, IncludeFile, card, step
if "METAFLOW_WINDMILL_GIT" in os.environ:
    json.dump(dict(os.environ), open({seen!r}, "w"))

class StoredFlow(FlowSpec):
    text = IncludeFile("text", default="text.txt")

    @step
    def start(self):
        self.read = self.text.upper()
        print("it says", self.read)
        self.next(self.end)

    @card
    @step
    def end(self):
        assert self.read == "INCLUDED"


if __name__ == "__main__":
    StoredFlow()
"""


def seen_in_logs(place: Workspace, run: Any) -> list[str]:
    """Return what each step of a run printed or was cloned from; nothing for one that was silent."""
    logs = [
        place.logs(place.server.get(f"/jobs_u/get/{module['job']}"))
        for module in run["flow_status"]["modules"]
        if module.get("job")  # the one that tells others of the end has none
    ]
    kept = [[line for line in log.splitlines() if line.startswith(("it says", "cloned"))] for log in logs]
    return ["".join(lines) for lines in kept]


def test_the_job_carries_over_what_was_saved(tmp_path: Path) -> None:
    files = {"flows/stored.py": FLOW.format(seen=str(tmp_path / "seen")), "flows/text.txt": "included"}
    origin = new_repository(tmp_path / "flows.git", files)
    with object_store(tmp_path) as address, workspace(tmp_path) as place:
        settings = {
            "METAFLOW_DEFAULT_DATASTORE": "s3",
            "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
            "METAFLOW_S3_ENDPOINT_URL": address,
            "METAFLOW_S3_WORKER_COUNT": "1",
            "AWS_ACCESS_KEY_ID": "the-id",
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        place.server.tell_jobs(settings)
        how = {"configuration": {"url": origin.url, "retry_lost": 1}, "memo": True}
        job = place.script("compile_and_deploy", **how)
        assert job["success"], reasons(job)
        record = place.record("f/flows/StoredFlow")
        sha = record["package"]["sha"]
        assert record["datastore"] == {"type": "s3", "root": f"s3://{BUCKET}/metaflow"}
        assert record["package"]["url"] == f"s3://{BUCKET}/metaflow/StoredFlow/data/{sha[:2]}/{sha}"
        assert f"s3://{BUCKET}/metaflow/data/StoredFlow/" in record["parameters"][0]["default"]
        listed = requests.get(f"{address}/{BUCKET}?list-type=2", timeout=30).text
        assert f"metaflow/StoredFlow/data/{sha[:2]}/{sha}" in listed
        start = place.server.get("/flows/get/f/flows/StoredFlow")["value"]["modules"][0]["value"]
        assert "\nboto3==" in start["lock"]
        assert start["input_transforms"]["task"]["value"]["retry_lost"] == 1
        first, second = (place.run("f/flows/StoredFlow") for _ in range(2))
        assert first["success"], first["result"]
        assert seen_in_logs(place, first) == ["it says INCLUDED", ""]
        assert second["success"], second["result"]
        shown = place.script("show_card", run=first["id"])
        assert "<!DOCTYPE html>" in b64decode(shown["result"]["result"]).decode(), reasons(shown)
        cloned = f"cloned from windmill-{first['id']}"
        assert seen_in_logs(place, second) == [f"{cloned}/start/t (memo)", f"{cloned}/end/t (memo)"]
        assert outcomes(place.script("compile_and_deploy", **how)) == {"StoredFlow": "unchanged"}
        seen = json.loads((tmp_path / "seen").read_text())
        assert not {name for name in seen if name.startswith("AWS")}
        assert KEY not in json.dumps(seen)
        assert KEY not in json.dumps(place.server.get("/flows/get/f/flows/StoredFlow"))
        place.server.tell_jobs({"METAFLOW_DATASTORE_SYSROOT_S3": "s3://nowhere/x"})
        failed = place.script("compile_and_deploy", repo={"url": origin.url})
        assert "cannot be saved in s3://nowhere/x" in reasons(failed)
        assert KEY not in reasons(failed)
        assert place.record("f/flows/StoredFlow")["package"]["sha"] == sha


@pytest.mark.timeout(300)
@pytest.mark.skipif(not AZURITE.exists(), reason="no azurite; scripts/azurite installs it where npm is")
def test_the_job_carries_over_what_was_saved_to_azure(tmp_path: Path) -> None:
    files = {"flows/stored.py": FLOW.format(seen=str(tmp_path / "seen")), "flows/text.txt": "included"}
    origin = new_repository(tmp_path / "flows.git", files)
    why = "the scripts' job needs Azure's packages, which a workspace adds to their requirements"
    with azure_store(tmp_path) as store, workspace(tmp_path, shared=why) as place:
        settings = {
            **store.public,
            "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT": store.endpoint,
            "AZURE_CLIENT_SECRET": SECRET,
        }
        place.server.tell_jobs(settings)
        where = {"datastore": "azure", "datastore_root": f"{CONTAINER}/team"}
        job = place.script("compile_and_deploy", repo={"url": origin.url}, **where)
        assert job["success"], reasons(job)
        record = place.record("f/flows/StoredFlow")
        sha = record["package"]["sha"]
        assert record["package"]["url"] == f"{CONTAINER}/team/StoredFlow/data/{sha[:2]}/{sha}"
        assert f"azure://{CONTAINER}/team/data/StoredFlow/" in record["parameters"][0]["default"]
        assert record["variables"]["METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT"] == store.endpoint
        run = place.run("f/flows/StoredFlow")
        assert run["success"], run["result"]
        seen = json.loads((tmp_path / "seen").read_text())
        assert not {name for name in seen if name.startswith("AZURE")}
        assert SECRET not in json.dumps(place.server.get("/flows/get/f/flows/StoredFlow"))
