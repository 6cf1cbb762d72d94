"""What is sent again, how long is waited in between, and what is never sent twice."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from metaflow_windmill.client.retrying import Backoff, Retrying
from metaflow_windmill.client.transport import Request, Response
from metaflow_windmill.errors import Unreachable

GET = Request("GET", "/x")
POST = Request("POST", "/x")
REPEATABLE = Request("POST", "/x", repeatable=True)


@dataclass
class Played:
    """A transport that gives the answers of a list; None is nobody there, a text a connection that broke."""

    answers: list[Response | str | None]
    sent: int = 0
    waits: list[float] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        self.sent += 1
        answer = self.answers.pop(0)
        if not isinstance(answer, Response):
            raise Unreachable("broken", str(request), broke=answer == "broke")
        return answer

    def retrying(self, backoff: Backoff | None = None, jitter: float = 0.0) -> Retrying:
        return Retrying(self, backoff, sleep=self.waits.append, jitter=lambda: jitter)


@pytest.mark.parametrize("request_", [GET, REPEATABLE, Request("DELETE", "/x")])
@pytest.mark.parametrize("fault", [None, Response(500), Response(503), Response(429)])
def test_safe_requests_are_sent_again(request_: Request, fault: Response | None) -> None:
    played = Played([fault, fault, Response(200, b"fine")])
    response = played.retrying().send(request_)
    assert (response.status, response.content, response.attempts) == (200, b"fine", 3)
    assert played.waits == [0.25, 0.5]


def test_other_requests_are_sent_once() -> None:
    played = Played([Response(503)])
    assert played.retrying().send(POST) == Response(503, attempts=1)
    broken = Played([None])
    with pytest.raises(Unreachable):
        broken.retrying().send(POST)
    assert played.sent == broken.sent == 1


@pytest.mark.parametrize("status", [200, 201, 400, 401, 404, 422])
def test_a_real_answer_is_final(status: int) -> None:
    played = Played([Response(status)])
    assert played.retrying().send(GET).status == status
    assert played.waits == []


@pytest.mark.parametrize(
    ("fault", "most"), [(Response(429), 8), (Response(502), 8), (Response(500), 5), ("broke", 8), (None, 4)]
)
def test_a_server_that_is_there_is_given_more_time(fault: Response | str | None, most: int) -> None:
    played = Played([fault] * 20)
    if isinstance(fault, Response):
        assert played.retrying().send(GET).attempts == most
    else:
        with pytest.raises(Unreachable):
            played.retrying().send(GET)
    assert played.sent == most


def test_what_was_too_much_was_not_begun_and_is_sent_again() -> None:
    played = Played([Response(429), Response(503), Response(200)])
    assert played.retrying().send(POST) == Response(503, attempts=2)


@pytest.mark.parametrize("fault", [None, "broke", Response(502)])
@pytest.mark.parametrize(("done", "sent"), [(False, 2), (True, 1)])
def test_what_must_not_be_done_twice_is_looked_for_first(
    fault: Response | str | None, done: bool, sent: int
) -> None:
    played = Played([fault, Response(201)])
    response = played.retrying().send(Request("POST", "/x", done=lambda: done))
    assert response.status in (200, 201)
    assert played.sent == sent


def test_it_gives_up_in_the_end() -> None:
    broken = Played([None] * 9)
    with pytest.raises(Unreachable):
        broken.retrying(Backoff(attempts=3)).send(GET)
    assert broken.sent == 3
    busy = Played([Response(503)] * 9)
    assert busy.retrying(Backoff(attempts=3)).send(GET) == Response(503, attempts=3)


def test_the_server_may_say_how_long() -> None:
    played = Played([Response(429, headers={"retry-after": "3"}), Response(200)])
    played.retrying().send(GET)
    assert played.waits == [3.0]
    greedy = Played([Response(429, headers={"retry-after": "86400"}), Response(200)])
    greedy.retrying().send(GET)
    assert greedy.waits == [80.0]
    dated = Played([Response(429, headers={"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}), Response(200)])
    dated.retrying().send(GET)
    assert dated.waits == [0.25]


def test_waits_grow_to_a_limit_and_are_spread() -> None:
    backoff = Backoff(first=1.0, most=5.0)
    assert [backoff.seconds(n, 0.0) for n in (1, 2, 3, 4, 5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert backoff.seconds(3, 0.5) == 3.0
