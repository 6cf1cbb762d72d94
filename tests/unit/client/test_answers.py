"""What becomes of an answer: the text of each error names the request, the status and Windmill's words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metaflow_windmill.client.answers import checked, made
from metaflow_windmill.client.transport import Request, Response
from metaflow_windmill.errors import Conflict, NotFound, Refused, Unauthorized, WindmillError

REQUEST = Request("POST", "/w/admins/flows/create", {"token": "hidden"})


def test_a_good_answer_passes() -> None:
    assert checked(REQUEST, Response(201, b"f/x/y")).text == "f/x/y"


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "Bad request: Flow f/x/y already exists", Conflict),
        (400, 'SqlErr: duplicate key value violates unique constraint "queue_pkey"', Conflict),
        (400, "Bad request: cron: Invalid pattern", Refused),
        (401, "Not authorized: Unauthorized", Unauthorized),
        (403, "Permission denied: x", Unauthorized),
        (404, "Not found: Flow not found at path f/x/y", NotFound),
        (405, "", Refused),
        (409, "conflict", Conflict),
        (422, "Failed to deserialize", Refused),
        (500, "Internal: boom", Refused),
    ],
)
def test_errors(status: int, said: str, kind: type[WindmillError]) -> None:
    with pytest.raises(WindmillError) as caught:
        checked(REQUEST, Response(status, said.encode()))
    error = caught.value
    assert type(error) is kind
    assert (error.request, error.status) == ("POST /api/w/admins/flows/create", status)
    assert f"POST /api/w/admins/flows/create was answered with status {status}" in str(error)
    assert said in str(error)
    assert "hidden" not in str(error)


def test_unauthorized_says_what_to_do() -> None:
    with pytest.raises(Unauthorized, match=r"Check WINDMILL_TOKEN: it must be a token of this server"):
        checked(REQUEST, Response(401, b"Not authorized: Unauthorized"))


def test_long_words_are_cut() -> None:
    with pytest.raises(Refused) as caught:
        checked(REQUEST, Response(500, b"x\n" * 5000))
    assert len(str(caught.value)) < 800


THERE = b"Bad request: Job with id 1 already exists"


def test_a_second_attempt_may_find_the_work_done() -> None:
    again = Response(400, THERE, attempts=2)
    assert made(REQUEST, again) is again
    with pytest.raises(Conflict):
        made(REQUEST, Response(400, THERE, attempts=1))
    with pytest.raises(Refused):
        made(REQUEST, Response(400, b"Bad request: other", attempts=2))


def test_what_somebody_else_made_meanwhile_is_a_conflict() -> None:
    again = Response(400, THERE, attempts=2)
    assert made(replace(REQUEST, done=lambda: True), again) is again
    with pytest.raises(Conflict):
        made(replace(REQUEST, done=lambda: False), again)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_in_trouble_is_told_in_one_sentence(status: int) -> None:
    with pytest.raises(Refused) as caught:
        checked(REQUEST, Response(status, b"on the way", attempts=8))
    assert str(caught.value) == (
        f"POST /api/w/admins/flows/create was answered with status {status}, 8 times: on the way. Windmill, "
        "or what stands before it, is busy or in trouble: try again in a while."
    )
