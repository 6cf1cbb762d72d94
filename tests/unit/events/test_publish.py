"""What follows from events alone: the job that they start, its arguments, what is asked of a payload."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.answering import Answering
from tests.support.scripted_server import Answer, answer, scripted_server

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.contract.event import Awaited, Event, Subscription, end_event
from metaflow_windmill.contract.record import PackageInfo, Record, StoreInfo
from metaflow_windmill.errors import (
    FINAL,
    InvalidDocument,
    NotFound,
    Refused,
    TaskError,
    Unauthorized,
    Unreachable,
    WindmillError,
)
from metaflow_windmill.events.publish import arguments, job_id, may_pass, new_event, publish, subscriptions
from metaflow_windmill.runtime.afterwards.publish_job import publish_end

BOTH = Subscription("f/flows/Both", (Awaited("a", {"x": "value"}), Awaited("b")))


def event(name: str, key: str = "1", **payload: object) -> Event:
    return Event(name, key, 0, payload)


def test_the_same_events_in_any_order_start_the_same_job() -> None:
    assert job_id(BOTH, [event("a"), event("b")]) == job_id(BOTH, [event("b"), event("a")])
    assert UUID(job_id(BOTH, [event("a")]))


@given(st.text(min_size=1), st.text(min_size=1))
def test_other_events_start_another_job(one: str, other: str) -> None:
    same = job_id(BOTH, [event("a", one)]) == job_id(BOTH, [event("a", other)])
    assert same == (one == other)


def test_another_flow_gets_another_job() -> None:
    other = Subscription("f/flows/Other", BOTH.events)
    assert job_id(BOTH, [event("a")]) != job_id(other, [event("a")])


def test_parameters_are_filled_from_the_fields_that_are_there() -> None:
    given_ = arguments(BOTH, [event("a", value=[1, None]), event("b", "2", value="not asked for")])
    assert given_ == {
        "x": [1, None],
        "$trigger": [
            {"name": "a", "id": "1", "timestamp": 0, "type": "event"},
            {"name": "b", "id": "2", "timestamp": 0, "type": "event"},
        ],
    }
    assert "x" not in arguments(BOTH, [event("a")])
    assert arguments(BOTH, [event("a", value="$var:u/a/b")])["x"] == {"$exact": '"$var:u/a/b"'}


def test_an_event_without_an_id_gets_one_of_its_own() -> None:
    assert new_event("a").id != new_event("a").id
    assert new_event("a", {"x": 1}, "mine").id == "mine"


@pytest.mark.parametrize(
    ("why", "may"),
    [
        (Unreachable("away"), True),
        (Refused("busy", status=503), True),
        (Refused("slower", status=429), True),
        (Refused("no", status=400), False),
        (NotFound("gone", status=404), False),
        (Unauthorized("not yours", status=403), False),
        (InvalidDocument("no event"), False),
    ],
)
def test_what_may_be_answered_another_time(why: Exception, *, may: bool) -> None:
    assert may_pass(why) is may


def test_nobody_is_looked_up_but_those_who_wait_for_the_event() -> None:
    there = {"flow": "f/x/y", "events": [{"name": "e", "parameters": {}}]}
    with scripted_server(answer([]), answer([{"path": "f/x/y"}]), answer(there)) as server:
        resources = Windmill(HttpTransport(server.url, "t"), "w").resources
        assert list(subscriptions(resources, "nobody")) == []
        assert [found.flow for found in subscriptions(resources, "e")] == ["f/x/y"]
    assert [urlsplit(seen.path).path for seen in server.seen] == [
        "/api/w/w/resources/list",
        "/api/w/w/resources/list",
        "/api/w/w/resources/get_value/f/x/y",
    ]


RECORD = Record("F", "me", "t", PackageInfo("u", "s", "{}", "f.py"), StoreInfo("local"), StoreInfo("local"))


@pytest.mark.parametrize(
    ("said", "final"), [(Answer(503), False), (Answer(drop=True), False), (Answer(403), True)]
)
def test_an_end_that_could_not_be_published_is_tried_again_if_that_may_help(
    said: Answer, *, final: bool
) -> None:
    with scripted_server(said) as server:
        windmill = Windmill(HttpTransport(server.url, "t"), "w")
        with pytest.raises(WindmillError) as caught:
            publish_end(windmill, RECORD, "r", "end")
    assert vars(caught.value).get(FINAL, False) is final


@pytest.mark.parametrize(("said", "final"), [(Answer(503), False), (answer("gone", 404), True)])
def test_a_flow_that_was_not_started_is_tried_again_if_that_may_help(said: Answer, *, final: bool) -> None:
    waits = {"flow": "f/x/y", "events": [{"name": "metaflow.F.end", "parameters": {}}]}
    with scripted_server(answer([{"path": "f/x/y"}]), answer(waits), *[said] * 9) as server:
        windmill = Windmill(HttpTransport(server.url, "t"), "w")
        with pytest.raises(TaskError, match="not every flow that waits for") as caught:
            publish_end(windmill, RECORD, "r", "end")
    assert vars(caught.value).get(FINAL, False) is final


def test_a_payload_is_an_object() -> None:
    with pytest.raises(InvalidDocument, match="JSON object"):
        new_event("a", [1])


@pytest.mark.parametrize("data", [None, {}, {"flow": "f/x/y"}, {"flow": "f/x/y", "events": [{"nme": "a"}]}])
def test_what_is_no_subscription_is_told_apart(data: object) -> None:
    with pytest.raises(InvalidDocument):
        Subscription.from_json(data)


def test_a_subscription_that_cannot_be_read_is_told_and_what_a_person_made_is_not() -> None:
    values = {"f/flows/Later": {"flow": "f/flows/Later", "awaits": []}, "f/mine/notes": {"note": 1}}
    answers: dict[str, object] = {f"GET /resources/get_value/{path}": value for path, value in values.items()}
    there = Answering({"GET /resources/list": [[{"path": path} for path in values]], **answers})
    published = publish(there.windmill, event("a"))
    assert [(item.flow, item.what) for item in published.deliveries] == [("f/flows/Later", "failed")]
    assert "cannot be read" in published.failures[0].reason
    assert "f/flows/Later" in published.to_result()["wm_failure"]


def test_subscriptions_and_events_survive_json() -> None:
    assert Subscription.from_json(BOTH.to_json()) == BOTH
    assert Event.from_json(event("a", x=1).to_json()) == event("a", x=1)


def test_the_end_of_a_run_has_the_name_that_other_orchestrators_give_it() -> None:
    assert end_event("F", None, None) == "metaflow.F.end"
    assert end_event("F", "p", "prod") == "metaflow.p.prod.F.end"
