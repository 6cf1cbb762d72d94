"""Whom the server lets in: a wrong token, a wrong workspace, a missing folder, each told apart."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.answering import Answering, whoami

from metaflow_windmill.client.models import User
from metaflow_windmill.client.site import sign_in
from metaflow_windmill.client.transport import Response
from metaflow_windmill.deployment.placed.target_folder import check_folder, ensure_folder
from metaflow_windmill.errors import DeployError, NotFound, Unauthorized, Unreachable, WindmillError

HOST = "http://windmill"
NO = Response(401, b"Not authorized: Unauthorized")
FORBIDDEN = Response(403, b"Permission denied: no folders for you")
ALICE = User("alice", "alice@example.com")


def test_a_member_is_let_in() -> None:
    transport = Answering({"GET /users/whoami": whoami(folders=["flows"])})
    assert sign_in(transport.windmill, HOST) == User("alice", "alice@example.com", folders=("flows",))
    assert transport.lines == ["GET /users/whoami"]


def table(who: Any, known: Any = None, there: Any = None) -> Answering:
    """The three questions of signing in; the second is asked at the root, not in the workspace."""
    return Answering({"GET /users/whoami": [who, known], "POST /workspaces/exists": there})


@pytest.mark.parametrize(
    ("transport", "kind", "sentence"),
    [
        (table(NO, NO), Unauthorized, "Windmill at http://windmill does not know this token"),
        (
            table(NO, {"email": "alice@example.com"}),
            Unauthorized,
            "there is no workspace 'admins' on http://windmill, or your token is not of one of its members",
        ),
        (
            table(whoami(is_admin=True, non_member=True), there=False),
            NotFound,
            "there is no workspace 'admins' on http://windmill; set WINDMILL_WORKSPACE",
        ),
        (table(Unreachable("no answer")), Unreachable, "no answer"),
    ],
)
def test_who_is_not(transport: Answering, kind: type[WindmillError], sentence: str) -> None:
    with pytest.raises(kind) as caught:
        sign_in(transport.windmill, HOST)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("there", [True, FORBIDDEN])
def test_a_superadmin_from_outside(there: Any) -> None:
    assert sign_in(table(whoami(is_admin=True, non_member=True), there=there).windmill, HOST).is_admin


def test_a_folder_that_is_there() -> None:
    transport = Answering({"GET /folders/exists/flows": True})
    writer = User("alice", "", folders=("flows",))
    assert not ensure_folder(transport.windmill, "f/flows/Hello", writer)
    assert transport.lines == ["GET /folders/exists/flows"]


def test_a_folder_that_is_not_there_is_made() -> None:
    transport = Answering({"GET /folders/exists/flows": False, "POST /folders/create": "made"})
    assert ensure_folder(transport.windmill, "f/flows/sub/Hello", ALICE)
    assert transport.asked[-1].body == {"name": "flows"}


def test_somebody_was_faster() -> None:
    taken = Response(400, b"Bad request: Folder flows already exists")
    transport = Answering({"GET /folders/exists/flows": False, "POST /folders/create": taken})
    assert not ensure_folder(transport.windmill, "f/flows/Hello", ALICE)


def test_a_folder_that_may_not_be_made() -> None:
    transport = Answering({"GET /folders/exists/flows": False, "POST /folders/create": FORBIDDEN})
    with pytest.raises(DeployError) as caught:
        ensure_folder(transport.windmill, "f/flows/Hello", ALICE)
    said = str(caught.value)
    assert said.startswith(
        "the folder f/flows does not exist in the workspace admins, and alice may not make it"
    )
    assert "Permission denied: no folders for you" in said
    assert said.endswith("ask an admin to make it and to give you write access")


def test_a_folder_that_may_not_be_written() -> None:
    transport = Answering({"GET /folders/exists/flows": True})
    with pytest.raises(DeployError, match=r"alice may not write to the folder f/flows of the"):
        check_folder(transport.windmill, "f/flows/Hello", ALICE)


def test_places_of_users() -> None:
    transport = Answering({})
    assert check_folder(transport.windmill, "u/alice/Hello", ALICE)
    assert check_folder(transport.windmill, "u/bob/Hello", User("alice", "", is_admin=True))
    with pytest.raises(DeployError, match=r"alice may not write to u/bob; use --folder u/alice"):
        check_folder(transport.windmill, "u/bob/Hello", ALICE)
    assert transport.asked == []
