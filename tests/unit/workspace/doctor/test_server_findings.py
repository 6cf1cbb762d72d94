"""The texts about a server, by what it answers: rights and refusals that the embedded server never shows."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.answering import Answering, whoami

from metaflow_windmill import __version__
from metaflow_windmill.client.models import User
from metaflow_windmill.client.transport import Response
from metaflow_windmill.errors import Unreachable
from metaflow_windmill.workspace.doctor import server_findings
from metaflow_windmill.workspace.installing.shipped import shipment

if TYPE_CHECKING:
    from metaflow_windmill.workspace.doctor.findings import Finding

HOST = "https://windmill.example.com"
ALICE = User("alice", "alice@example.com", folders=("team",))
NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
CE = "CE v1.788.0"
OLD = (
    ", and this was tried on 1.788 and never on an older one; upgrade the server if something is wrong with "
    "a run."
)
TOO_OLD = (
    ", and 1.587 or newer is needed: an older server replaces the packages of each step by those that it "
    "finds itself, so that no step can begin; upgrade the server."
)


def site(answers: dict[str, Any], folder: str = "f/team") -> server_findings.InspectedSite:
    return server_findings.InspectedSite(Answering(answers), HOST, "admins", folder)


def by_subject(answers: dict[str, Any], prefix: str = "") -> dict[str, Finding]:
    return {finding.subject: finding for finding in server_findings.site_findings(site(answers), prefix)}


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        (CE, "ok", f"{HOST} is Windmill {CE}"),
        ("EE v1.788.4", "ok", f"{HOST} is Windmill EE v1.788.4"),
        (
            "EE v2.0",
            "warn",
            f"Windmill at {HOST} is version 2.0, and the newest that this was tried on is 1.788.",
        ),
        ("CE v1.600.3", "warn", f"Windmill at {HOST} is version 1.600.3{OLD}"),
        ("CE v1.586.9", "bad", f"Windmill at {HOST} is version 1.586.9{TOO_OLD}"),
        ("<html>", "bad", f"{HOST} answers, but not as Windmill does: '<html>'."),
    ],
)
def test_versions(said: str, state: str, words: str) -> None:
    finding = server_findings.version_finding(HOST, said)
    assert (finding.state, finding.said) == (state, words)
    assert bool(finding.advice) == (state != "ok")


def test_a_job_is_not_told_the_version() -> None:
    forbidden = Response(403, b"Permission denied: a job's token is of a workspace")
    (host,) = server_findings.host_findings(Answering({"GET /version": forbidden}), HOST)
    assert (host.state, host.said) == (
        "ok",
        f"{HOST} does not tell a job its version, so it was not compared.",
    )


def test_a_host_that_answers_and_one_that_does_not() -> None:
    version = Response(200, CE.encode(), {"date": formatdate(0, usegmt=True)})
    host, clock = server_findings.host_findings(Answering({"GET /version": version}), HOST)
    assert (host.state, clock.state) == ("ok", "bad")
    (silent,) = server_findings.host_findings(Answering({"GET /version": Unreachable("no answer")}), HOST)
    assert (silent.state, silent.said) == ("bad", "No answer.")
    assert silent.advice == f"Look whether {HOST} opens in a browser."


@pytest.mark.parametrize(
    ("entry", "state", "said"),
    [
        (None, "ok", "of alice (alice@example.com)"),
        ({"expiration": "2031-01-01T00:00:00Z"}, "ok", "of alice (alice@example.com), until 2031-01-01"),
        ({"expiration": "2030-01-03T00:00:00Z"}, "warn", "of alice (alice@example.com), until 2030-01-03."),
        ({"scopes": ["jobs:run"]}, "warn", "of alice (alice@example.com), for jobs:run only."),
        ({"scopes": []}, "warn", "of alice (alice@example.com), for nothing only."),
    ],
)
def test_tokens(entry: Any, state: str, said: str) -> None:
    finding = server_findings.token_finding(ALICE, entry, NOW)
    assert (finding.state, finding.said) == (state, said)
    assert bool(finding.advice) == (state != "ok")


@pytest.mark.parametrize(
    ("user", "state", "said"),
    [
        (ALICE, "ok", "alice is a developer"),
        (User("root", "", is_admin=True), "ok", "root is an admin"),
        (User("root", "", is_super_admin=True), "ok", "root is a superadmin"),
        (User("op", "", operator=True), "bad", "op is an operator, who may run flows and not deploy them."),
    ],
)
def test_rights(user: User, state: str, said: str) -> None:
    finding = server_findings.rights_finding(user)
    assert (finding.state, finding.said) == (state, said)
    assert bool(finding.advice) == (state != "ok")


@pytest.mark.parametrize(
    ("folder", "there", "state", "said"),
    [
        ("f/team", True, "ok", "alice may write to f/team"),
        ("f/team/deeper", True, "ok", "alice may write to f/team"),
        ("f/other", True, "bad", "alice may not write to f/other."),
        ("f/new", False, "warn", "f/new does not exist."),
        ("u/alice", True, "ok", "alice may write to u/alice"),
        ("u/bob", True, "bad", "alice may not write to u/bob."),
    ],
)
def test_folders(folder: str, there: bool, state: str, said: str) -> None:
    finding = server_findings.folder_finding(folder, ALICE, there=there)
    assert (finding.state, finding.said) == (state, said)
    assert bool(finding.advice) == (state != "ok")


def test_an_operator_cannot_make_a_folder() -> None:
    finding = server_findings.folder_finding("f/new", User("op", "", operator=True), there=False)
    assert (finding.state, finding.advice) == ("bad", "Ask an admin to make it.")


WHEEL = "metaflow-windmill@https://host/x.whl"


def in_place(package: str = "") -> dict[str, object]:
    """A workspace's answers after an installation."""
    return {
        f"GET /scripts/get/p/{item.path}": {"content": item.body["content"]}
        for item in shipment(package).scripts
    }


@pytest.mark.parametrize(("package", "said"), [("", __version__), (WHEEL, WHEEL)])
def test_scripts_are_compared_by_the_way_in_which_they_get_the_library(package: str, said: str) -> None:
    answers = {"GET /users/whoami": whoami(), **in_place(package)}
    finding = by_subject(answers)["scripts"]
    assert finding.state == "ok"
    assert finding.said == f"{len(in_place())} in f/metaflow, {said}"


def test_a_library_of_other_code_is_another_version() -> None:
    answers = in_place()
    library = answers["GET /scripts/get/p/f/metaflow/library"]
    assert isinstance(library, dict)
    library["content"] = library["content"].replace('SHA256 = "', 'SHA256 = "0')
    finding = by_subject({"GET /users/whoami": whoami(), **answers})["scripts"]
    assert (finding.state, finding.said) == ("warn", "f/metaflow/library of another version.")


def test_scripts_that_are_missing_or_old() -> None:
    shipped = {"f/metaflow/a": "a", "f/metaflow/b": "b", "f/metaflow/c": "c"}
    finding = server_findings.scripts_finding(
        shipped, {"f/metaflow/a": "a", "f/metaflow/b": "old", "f/metaflow/c": None}
    )
    assert finding.said == "f/metaflow/c missing; f/metaflow/b of another version."
    nothing = server_findings.scripts_finding(shipped, dict.fromkeys(shipped))
    assert "f/metaflow is not in the workspace" in nothing.said
    assert finding.advice == nothing.advice == "Run `metaflow-windmill install`."


def test_a_member_with_everything_in_place() -> None:
    scripts = in_place()
    listed = [{"token_prefix": "0123456789", "scopes": None, "expiration": "2999-01-01T00:00:00Z"}]
    answers = {
        "GET /users/whoami": whoami(folders=["team"]),
        "GET /users/tokens/list": [listed],
        "GET /folders/exists/team": True,
        **scripts,
    }
    found = by_subject(answers, "0123456789-the-rest-is-not-sent")
    assert {finding.state for finding in found.values()} == {"ok"}
    assert found["token"].said.endswith("until 2999-01-01")
    assert found["scripts"].said == f"{len(scripts)} in f/metaflow, {__version__}"


def test_a_token_that_may_ask_for_little() -> None:
    refused = Response(403, b"Forbidden")
    answers = {
        "GET /users/whoami": whoami(),
        "GET /users/tokens/list": refused,
        "GET /folders/exists/team": refused,
    }
    found = by_subject(answers, "0123456789")
    assert found["token"].state == "ok"
    assert found["folder"].state == "bad"
    assert "status 403" in found["folder"].said
    assert found["scripts"].state == "warn"


def test_somebody_who_is_not_a_member() -> None:
    answering = Answering({"GET /users/whoami": [Response(401, b""), whoami(), whoami()]})
    found = list(
        server_findings.site_findings(server_findings.InspectedSite(answering, HOST, "admins", "f/team"))
    )
    assert [(finding.subject, finding.state) for finding in found] == [("token", "ok"), ("workspace", "bad")]
    assert "your token is not of one of its members" in found[1].said
    assert found[1].advice == "Ask an admin of the workspace to add you."


def test_a_server_that_is_ill() -> None:
    found = by_subject({"GET /users/whoami": Response(500, b"the database is full")})
    assert found["token"].state == "bad"
    assert "the database is full" in found["token"].said
    assert "workspace" not in found
