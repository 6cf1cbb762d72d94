"""The scripts of `f/metaflow` on a server that behaves as a later Windmill: tokens for their work alone."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.elsewhere import embedded_server
from tests.support.git_repository import GitRepository, new_repository
from tests.support.step_token import held_token, opened_routes, run_script
from tests.support.workspace import Workspace, flow_file, outcomes, reasons

from metaflow_windmill.workspace.installing.script_scopes import FIELD, SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.metaflow

LATER = "1.850"
RELEASE = (1, 850)
CONFIGURATION = "f/team/flows_repo"
SECRET = "webhook-secret"
CARD = "from metaflow import card, schedule, trigger"
ONE = flow_file("OneFlow", more=CARD).replace(
    "    @step\n    def start", "    @card\n    @step\n    def start"
)
ONE = ONE.replace("class ", '@schedule(daily=True)\n@trigger(event="came")\nclass ')


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    directory = tmp_path_factory.mktemp("later")
    arguments = ("--shared-environment", "--windmill", LATER)
    with embedded_server(directory, "it is to behave as another one", arguments=arguments) as server:
        server.tell_jobs({"METAFLOW_WINDMILL_ALLOW_FILE_REPOSITORIES": "1"})
        server.post("/folders/create", {"name": "flows"})
        made = Workspace(server, directory / "store")
        made.install(RELEASE)
        yield made


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    files = {"flows/one.py": ONE, "flows/two.py": flow_file("TwoFlow")}
    return new_repository(tmp_path_factory.mktemp("host") / "flows.git", files)


def test_each_script_is_installed_with_what_it_needs(place: Workspace) -> None:
    for item in place.server.get("/scripts/list?path_start=f/metaflow/"):
        wanted = SCOPES.get(item["path"].rpartition("/")[2])
        assert item.get(FIELD) == (None if wanted is None else list(wanted)), item["path"]
    assert place.install(RELEASE) == []


def test_each_script_does_its_work_with_only_that(place: Workspace, origin: GitRepository) -> None:
    secret = {"datastore": "local", "datastore_root": str(place.store), "webhook_secret": SECRET}
    value = {
        "url": origin.url,
        "branch": "main",
        "folder": "f/team",
        "owner": "team",
        "prune": True,
        **secret,
    }
    configuration = place.resource(CONFIGURATION, value)
    job = place.script("compile_and_deploy", configuration=configuration)
    assert job["success"], reasons(job)
    assert outcomes(job) == {"OneFlow": "created", "TwoFlow": "created"}
    assert place.server.get("/schedules/get/f/team/OneFlow")["enabled"] in {True, False}
    assert place.server.get("/resources/get_value/f/team/OneFlow")["flow"] == "f/team/OneFlow"

    origin.commit({"flows/one.py": ONE.replace("@schedule(daily=True)\n", "").replace('"came"', '"else"')})
    job = place.script("redeploy_if_changed", configuration=CONFIGURATION)
    assert outcomes(job) == {"OneFlow": "updated", "TwoFlow": "unchanged"}, reasons(job)
    assert place.server.get("/schedules/exists/f/team/OneFlow") is False

    commit = origin.commit({"flows/two.py": None})
    job = pushed(place, commit or "")
    assert outcomes(job) == {"OneFlow": "unchanged", "TwoFlow": "removed"}, reasons(job)
    assert place.flows("f/team") == ["f/team/OneFlow"]

    published = place.script("publish_event", name="else", event_id="1")
    assert published["success"], published["result"]
    (started,) = published["result"]["flows"]
    run = place.server.finished(started["job"], 120)
    assert run["success"], run["result"]

    shown = place.script("show_card", run=started["job"])
    assert shown["success"], shown["result"]
    looked = place.script("doctor", datastore="local", datastore_root=str(place.store), folder="f/team")
    found = {item["subject"]: item for item in looked["result"]["findings"]}
    refused = [item for item in found.values() if "403" in item["said"] or "scopes" in item["said"]]
    assert not refused, refused
    assert found["scripts"]["state"] == "ok", found["scripts"]


def pushed(place: Workspace, commit: str) -> Any:
    body = json.dumps({"ref": "refs/heads/main", "after": commit}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "one",
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    address = f"/jobs/run/p/f/metaflow/redeploy_on_push?raw=true&configuration={CONFIGURATION}"
    answer = place.server.ask("POST", address, data=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return place.server.finished(answer.text.strip('"'), 120)


@pytest.mark.parametrize("scopes", sorted(set(SCOPES.values())), ids=len)
def test_a_scripts_token_opens_what_the_script_needs_and_no_other_route(
    place: Workspace, tmp_path: Path, scopes: tuple[str, ...]
) -> None:
    with held_token(place.server, scopes, tmp_path, run_script) as token:  # type: ignore[arg-type]
        found = opened_routes(place.server, token)  # type: ignore[arg-type]
        other, me = (
            place.server.ask("GET", path, token).status_code
            for path in ("/scripts/get/p/f/flows/there", "/users/whoami")
        )
    allowed = {scope.split(":")[0]: scope.split(":")[1] for scope in scopes}
    for route in found:
        method, path = route.split()
        domain = path.split("/")[0].removesuffix("_u")
        assert domain in allowed, json.dumps(sorted(found), indent=1)
        assert method == "GET" or allowed[domain] == "write", route
    opened = {route.split()[1].split("/")[0].removesuffix("_u") for route in found}
    assert opened == allowed.keys() - {"users"}
    assert (other, me) == (403, 200 if "users" in allowed else 403)
