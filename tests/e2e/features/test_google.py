"""A flow whose data and code are in Google Cloud Storage: an emulator's, with an account's key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Target
from tests.support.elsewhere import some_server
from tests.support.google_store import BUCKET, GoogleStore, google_store
from tests.support.kept_runs import (
    check_a_run,
    check_a_worker_without_credentials,
    check_from_python,
    kept_commands,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.flow_commands import Commands

pytestmark = [pytest.mark.metaflow, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = f"gs://{BUCKET}/metaflow"
GIVEN = ("--secret", "GOOGLE_APPLICATION_CREDENTIALS=u/admin/google")


@pytest.fixture(scope="module")
def store() -> Iterator[GoogleStore]:
    with google_store() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, store: GoogleStore) -> Iterator[Target]:
    """A server of its own: variables of a workspace reach every job."""
    with some_server(tmp_path_factory.mktemp("windmill")) as running:
        target = Target(running.url, running.token, running.workspace)
        running.tell_jobs(store.public)
        key = {"path": "u/admin/google", "value": json.dumps(store.key), "is_secret": True, "description": ""}
        target.post("/variables/create", key)
        yield target


@pytest.fixture
def commands(tmp_path: Path, server: Target, store: GoogleStore) -> Commands:
    key = tmp_path / "key.json"
    key.write_text(json.dumps(store.key))
    settings = {
        **store.public,
        "METAFLOW_DEFAULT_DATASTORE": "gs",
        "METAFLOW_DATASTORE_SYSROOT_GS": ROOT,
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
    }
    return kept_commands(tmp_path, server, settings)


def test_a_run_with_all_its_data_in_google_cloud_storage(commands: Commands, store: GoogleStore) -> None:
    document = check_a_run(commands, GIVEN, ROOT, store.names)
    assert store.key["private_key"].splitlines()[1] not in document
    check_from_python(commands, {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere"})


def test_a_worker_without_the_key_says_so(commands: Commands) -> None:
    said = check_a_worker_without_credentials(commands, ROOT)
    assert "default credentials were not found" in said


def test_a_bucket_that_is_not_there_is_refused(commands: Commands) -> None:
    elsewhere = {"METAFLOW_DATASTORE_SYSROOT_GS": "gs://nowhere/x"}
    said = commands.refused("create", "--name", "lost", *GIVEN, env=elsewhere)
    assert "the parameter 'text' cannot be kept in the flow's datastore (MetaflowInternal" in said
    assert not commands.target.client.flow_exists("f/flows/lost")
