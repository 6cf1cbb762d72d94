"""Publishers step by step: every order in which their requests reach a server, every moment to die at.

The code that publishes is the real one. What the server tells it is all that it can know, so a publisher's
state is the list of the answers it got: it is run anew with those, and the first request that none is left
for is its next step.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from metaflow_windmill.client.transport import Request, Response
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.contract.event import Event
from metaflow_windmill.events.publish import Published, publish

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOME = "/w/w/"
AT = "2026-01-01T00:00:00Z"
Answers = tuple[Response, ...]


@dataclass(frozen=True)
class World:
    """A server: its resources, and the arguments of the jobs that were started; sorted pairs of texts."""

    resources: tuple[tuple[str, str], ...] = ()
    jobs: tuple[tuple[str, str], ...] = ()

    def ask(self, request: Request) -> tuple[World, Response]:
        """Answer a request as a real server does: whole, or not at all."""
        path, body = unquote(request.path.removeprefix(HOME)), request.body
        if path == "resources/list":
            return self, _said(list(self._listed(request.query)))
        if path.startswith("resources/get_value/"):
            found = dict(self.resources).get(path.removeprefix("resources/get_value/"))
            return self, _said(json.loads(found)["value"]) if found else Response(404, b"Not found")
        if path == "resources/create":
            return self._created(body, replaces=request.query.get("update_if_exists") == "true")
        if path.startswith("resources/delete/"):
            gone = path.removeprefix("resources/delete/")
            left = tuple(pair for pair in self.resources if pair[0] != gone)
            return replace(self, resources=left), _said("")
        if path.startswith("flows/get/"):
            return self, _said({"path": path.removeprefix("flows/get/"), "version_id": 1})
        assert path.startswith("jobs/run/"), path
        return self._run(request.query["job_id"], body)

    def _listed(self, query: Mapping[str, str]) -> Iterator[Any]:
        for path, text in self.resources:
            about = json.loads(text)
            wanted = path.startswith(query.get("path_start", ""))
            if wanted and about["resource_type"] == query["resource_type"]:
                yield {"path": path, "edited_at": AT, **about, "value": None}

    def _created(self, body: Any, *, replaces: bool) -> tuple[World, Response]:
        there = dict(self.resources)
        if body["path"] in there and not replaces:
            return self, Response(400, f"Bad request: Resource {body['path']} already exists".encode())
        there[body["path"]] = json.dumps({key: value for key, value in body.items() if key != "path"})
        return replace(self, resources=tuple(sorted(there.items()))), Response(201)

    def _run(self, job: str, arguments: Any) -> tuple[World, Response]:
        there = dict(self.jobs)
        if job in there:
            return self, Response(400, f"Bad request: Job with id {job} already exists".encode())
        there[job] = json.dumps(arguments)
        return replace(self, jobs=tuple(sorted(there.items()))), Response(201)

    def used(self) -> list[tuple[str, ...]]:
        """Return the ids of the events of each job."""
        return sorted(
            tuple(event["id"] for event in json.loads(arguments)["$trigger"]) for _, arguments in self.jobs
        )


@dataclass(frozen=True)
class Publisher:
    """One who publishes events, one after the other: the answers so far, and whether it died."""

    events: tuple[Event, ...]
    answers: Answers = ()
    dead: bool = False

    @cached_property
    def next(self) -> Request | tuple[Published, ...]:
        """What it asks next, or what became of its events."""
        return _next(json.dumps([event.to_json() for event in self.events]), _Frozen(self.answers))

    @property
    def over(self) -> bool:
        """Whether it does nothing any more."""
        return self.dead or isinstance(self.next, tuple)


@dataclass(frozen=True)
class _Frozen:
    """Answers that can be looked up: requests and answers hold what has no hash."""

    answers: Answers

    def __hash__(self) -> int:
        return hash(tuple((answer.status, answer.content) for answer in self.answers))


class _Asked(BaseException):
    def __init__(self, request: Request) -> None:
        super().__init__(str(request))
        self.request = request


@dataclass
class _Replayed:
    """A transport that gives known answers, and stops whoever asks for more."""

    answers: list[Response]

    def send(self, request: Request) -> Response:
        if not self.answers:
            raise _Asked(request)
        return self.answers.pop(0)


@cache
def _next(events: str, answers: _Frozen) -> Request | tuple[Published, ...]:
    windmill = Windmill(_Replayed(list(answers.answers)), "w")
    try:
        return tuple(publish(windmill, Event.from_json(event)) for event in json.loads(events))
    except _Asked as asked:
        return asked.request


@dataclass
class Explored:
    """What a search saw: how all ends, when nobody does anything any more, and how many states there were."""

    ends: list[tuple[World, tuple[Publisher, ...]]] = field(default_factory=list)
    states: int = 0


def alone(world: World, *events: Event) -> World:
    """Return the world after somebody published events with nobody else there."""
    publisher = Publisher(tuple(events))
    while not publisher.over:
        world, publisher = _step(world, publisher)
    return world


def explore(world: World, publishers: tuple[Publisher, ...], *, deaths: int) -> Explored:
    """Go through all orders of the publishers' requests, and through `deaths` of them at each moment."""
    seen, explored = set(), Explored()
    ahead = [(world, publishers)]
    while ahead:
        state = ahead.pop()
        key = (state[0], tuple((each.dead, _Frozen(each.answers)) for each in state[1]))
        if key in seen:
            continue
        seen.add(key)
        following = list(_following(*state, deaths))
        if all(each.over for each in state[1]):
            explored.ends.append(state)
        ahead += following
    explored.states = len(seen)
    return explored


def _following(
    world: World, publishers: tuple[Publisher, ...], deaths: int
) -> Iterator[tuple[World, tuple[Publisher, ...]]]:
    for index, publisher in enumerate(publishers):
        if publisher.over:
            continue
        others = publishers[:index], publishers[index + 1 :]
        after, moved = _step(world, publisher)
        yield after, (*others[0], moved, *others[1])
        if sum(each.dead for each in publishers) < deaths:
            yield world, (*others[0], replace(publisher, dead=True), *others[1])


def _step(world: World, publisher: Publisher) -> tuple[World, Publisher]:
    asked = publisher.next
    assert isinstance(asked, Request)
    after, answer = world.ask(asked)
    return after, replace(publisher, answers=(*publisher.answers, answer))


def _said(value: Any) -> Response:
    return Response(200, json.dumps(value).encode())
