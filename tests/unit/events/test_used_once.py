"""Events are used once, none is lost: two publishers in every order of requests, dying at each moment."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.support.publishers import Publisher, World, alone, explore

from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.contract.event import SUBSCRIPTION, Awaited, Event, Subscription
from metaflow_windmill.events.publish import publish
from metaflow_windmill.events.received import KEPT, Received

if TYPE_CHECKING:
    from metaflow_windmill.client.transport import Request, Response

BOTH = Subscription("f/flows/Both", (Awaited("a"), Awaited("b")))
EMPTY = World(((BOTH.flow, json.dumps({"resource_type": SUBSCRIPTION, "value": BOTH.to_json()})),))


def events(said: str) -> tuple[Event, ...]:
    """Read ``a1 b1``: names of one letter, and ids."""
    return tuple(Event(each[0], each, 0) for each in said.split())


@pytest.mark.parametrize(
    ("before", "first", "second", "together"),
    [
        ("", "a1", "b1", [("a1", "b1")]),
        ("b1", "a1", "a2", [("a1", "b1"), ("a2", "b1")]),
        ("b1", "a1", "a1", [("a1", "b1")]),
        ("a1", "a2", "b1", [("a1", "b1")]),
        ("a1 a2", "b1", "b2", [("a1", "b1"), ("a2", "b2"), ("a1", "b2"), ("a2", "b1")]),
        ("", "a1", "b1 a2", [("a1", "b1"), ("a2", "b1")]),
    ],
    ids=lambda value: value.replace(" ", "") or "nothing" if isinstance(value, str) else "",
)
def test_each_event_is_used_once_whatever_happens(
    before: str, first: str, second: str, together: list[tuple[str, str]]
) -> None:
    start = alone(EMPTY, *events(before))
    said = Counter({each for text in (before, first, second) for each in text.split()})
    explored = explore(start, (Publisher(events(first)), Publisher(events(second))), deaths=2)
    assert explored.states > 50
    for world, publishers in explored.ends:
        assert used_at_most_once(world)
        after = alone(world, *(event for each in publishers if each.dead for event in each.events))
        used = after.used()
        assert set(used) <= set(together)
        assert used_at_most_once(after)
        assert len(used) == min(sum(each[0] == name for each in said) for name in "ab")
        assert waiting(after) == said - Counter(each for pair in used for each in pair)


def test_what_somebody_noted_who_died_is_started_by_whoever_publishes_next() -> None:
    explored = explore(alone(EMPTY, *events("a1")), (Publisher(events("b1")),), deaths=1)
    noted = [world for world, (publisher,) in explored.ends if publisher.dead and "b1" in waiting(world)]
    assert noted
    for world in noted:
        assert alone(world, *events("a2")).used() == [("a1", "b1")]


def test_they_are_paired_in_the_order_in_which_they_came() -> None:
    world = alone(EMPTY, *events("a1 a2 a3 b1 b2"))
    assert world.used() == [("a1", "b1"), ("a2", "b2")]
    assert alone(world, *events("b1 a1 b2")) == world
    assert alone(world, *events("b3")).used()[-1] == ("a3", "b3")


def test_used_events_are_forgotten_after_a_day_and_none_is_lost_by_it() -> None:
    server = Aging()
    windmill, count = Windmill(server, "w"), KEPT + 5
    for number in range(count):
        publish(windmill, Event("a", f"a{number}", 0))
    server.days = 2
    for number in range(count):
        publish(windmill, Event("b", f"b{number}", 0))
    server.days = 4
    publish(windmill, Event("a", "later", 0))
    publish(windmill, Event("b", "later", 0))
    assert len(server.world.used()) == count + 1
    left = {path for path, _ in server.world.resources if "/received/" in path}
    assert len(left) == 3 * (KEPT + 1)
    assert server.world.used().count(("later", "later")) == 1


def test_a_flow_that_awaits_another_event_besides_starts_with_what_is_new() -> None:
    world = alone(EMPTY, *events("a1 b1 a2"))
    server = Aging(world)
    three = Subscription(BOTH.flow, (*BOTH.events, Awaited("c")))
    text = json.dumps({"resource_type": SUBSCRIPTION, "value": three.to_json()})
    server.world = World(tuple(sorted({**dict(world.resources), BOTH.flow: text}.items())), world.jobs)
    for event in events("c1 b2"):
        publish(Windmill(server, "w"), event)
    assert server.world.used() == [("a1", "b1"), ("a2", "b2", "c1")]
    Received(Windmill(server, "w").resources, three).forget()
    assert not [path for path, _ in server.world.resources if "/received/" in path]


class Aging:
    """A server whose notes are as old as the day on which they were made."""

    def __init__(self, world: World = EMPTY) -> None:
        self.world, self.days, self._made = world, 0, dict[str, int]()

    def send(self, request: Request) -> Response:
        self.world, answer = self.world.ask(request)
        if request.path.endswith("resources/create"):
            self._made.setdefault(request.body["path"], self.days)
        return answer if not request.path.endswith("resources/list") else self._dated(answer)

    def _dated(self, answer: Response) -> Response:
        dated = [{**item, "edited_at": self._made_at(item["path"])} for item in json.loads(answer.content)]
        return type(answer)(200, json.dumps(dated).encode())

    def _made_at(self, path: str) -> str:
        return f"2026-01-{1 + self._made.get(path, 0):02}T00:00:00Z"


def used_at_most_once(world: World) -> bool:
    """Tell whether no event stands in two jobs."""
    return max(Counter(each for pair in world.used() for each in pair).values(), default=1) == 1


def waiting(world: World) -> Counter[str]:
    """Return the events that are noted and not in a job that was started."""
    noted = Counter(
        json.loads(text)["value"]["id"]
        for path, text in world.resources
        if "/received/" in path and "/started/" not in path
    )
    return noted - Counter(each for pair in world.used() for each in pair)
