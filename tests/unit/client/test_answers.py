"""What becomes of an answer: the text of each error names the request, the status and Windmill's words."""

from __future__ import annotations

import pytest

from metaflow_windmill.client.answers import checked, made_before
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
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(("attempts", "expected"), [(1, False), (2, True)])
def test_a_second_attempt_may_find_the_work_done(attempts: int, expected: bool) -> None:
    response = Response(400, b"Bad request: Job with id 1 already exists", attempts=attempts)
    assert made_before(response) is expected
    assert not made_before(Response(400, b"Bad request: other", attempts=2))
