"""What a command asks of a server before its own question: nothing, unless there is something to explain."""

from __future__ import annotations

import pytest
from tests.support.answering import Answering, whoami

from metaflow_windmill.client.site import COMMAND, Site
from metaflow_windmill.client.transport import Response
from metaflow_windmill.errors import NotFound, Unauthorized

FLOW = "GET /flows/get/f/flows/Hello"
DEPLOYED = {"path": "f/flows/Hello", "value": {"modules": []}, "version_id": 3}
NO = Response(401, b"Not authorized: Unauthorized")


def site(transport: Answering) -> Site:
    return Site(transport.windmill, "http://windmill", COMMAND)


def test_a_flow_that_is_there_is_one_request() -> None:
    transport = Answering({FLOW: DEPLOYED})
    found = site(transport).find_flow("f/flows/Hello")
    assert found is not None
    assert transport.lines == [FLOW]


def test_where_there_is_no_flow_a_member_is_told_nothing_else() -> None:
    transport = Answering({"GET /users/whoami": whoami()})
    assert site(transport).find_flow("f/flows/Hello") is None
    assert transport.lines == [FLOW, "GET /users/whoami"]


def test_a_token_that_nobody_knows_is_told_apart_from_a_flow_that_is_not_there() -> None:
    transport = Answering({FLOW: NO, "GET /users/whoami": [NO, NO]})
    with pytest.raises(Unauthorized, match="does not know this token"):
        site(transport).find_flow("f/flows/Hello")


def test_a_workspace_that_is_not_there_is_told_apart_from_a_flow_that_is_not_there() -> None:
    who = whoami(is_admin=True, non_member=True)
    transport = Answering({"GET /users/whoami": who, "POST /workspaces/exists": False})
    with pytest.raises(NotFound, match="there is no workspace 'admins'"):
        site(transport).find_flow("f/flows/Hello")


def test_who_a_token_belongs_to_is_asked_once() -> None:
    transport = Answering({"GET /users/whoami": whoami()})
    one = site(transport)
    assert one.user is one.user
    assert transport.lines == ["GET /users/whoami"]
