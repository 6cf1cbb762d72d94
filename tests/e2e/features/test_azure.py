"""A flow whose data and code are in Azure Blob Storage: azurite's, with tokens as Azure gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.azure_store import AZURITE, CONTAINER, SECRET, AzureStore, azure_store
from tests.support.deployed import Target
from tests.support.elsewhere import some_server
from tests.support.kept_runs import check_a_run, check_a_worker_without_credentials, kept_commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.flow_commands import Commands

pytestmark = [
    pytest.mark.metaflow,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not AZURITE.exists(), reason="no azurite; scripts/azurite installs it where npm is"),
]

ROOT = f"{CONTAINER}/metaflow"
GIVEN = ("--secret", "AZURE_CLIENT_SECRET=u/admin/azure")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureStore]:
    with azure_store(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, store: AzureStore) -> Iterator[Target]:
    """A server of its own: variables of a workspace reach every job."""
    with some_server(tmp_path_factory.mktemp("windmill")) as running:
        target = Target(running.url, running.token, running.workspace)
        running.tell_jobs(store.public)
        variable = {"path": "u/admin/azure", "value": SECRET, "is_secret": True, "description": ""}
        target.post("/variables/create", variable)
        yield target


@pytest.fixture
def commands(tmp_path: Path, server: Target, store: AzureStore) -> Commands:
    settings = {
        **store.public,
        "METAFLOW_DEFAULT_DATASTORE": "azure",
        "METAFLOW_DATASTORE_SYSROOT_AZURE": ROOT,
        "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT": store.endpoint,
        "AZURE_CLIENT_SECRET": SECRET,
    }
    return kept_commands(tmp_path, server, settings)


def test_a_run_with_all_its_data_in_azure(commands: Commands, store: AzureStore) -> None:
    document = check_a_run(commands, GIVEN, ROOT, store.names)
    assert store.endpoint in document
    assert SECRET not in document


def test_a_worker_without_the_secret_says_so(commands: Commands) -> None:
    said = check_a_worker_without_credentials(commands, ROOT)
    assert SECRET not in said


def test_a_container_that_is_not_there_is_refused(commands: Commands) -> None:
    elsewhere = {"METAFLOW_DATASTORE_SYSROOT_AZURE": "nowhere/x"}
    said = commands.refused("create", "--name", "lost", *GIVEN, env=elsewhere)
    assert "the parameter 'text' cannot be kept in the flow's datastore (MetaflowAzureResource" in said
    assert not commands.target.client.flow_exists("f/flows/lost")
