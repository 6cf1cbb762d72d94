"""From bodies of requests to arguments and events."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.devserver.api.request_arguments import (
    Payload,
    main_arguments,
    query_payload,
    read_payload,
    webhook_event,
)
from metaflow_windmill.errors import RequestRefused

JSON = "application/json"


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b'{"n": 4}', JSON, {"n": 4}),
        (b'{"n": 4}', "application/json; charset=utf-8", {"n": 4}),
        (b'{"n": 4}', "", {"n": 4}),
        (b"", JSON, {}),
        (b"[1]", JSON, {"body": [1]}),
        (b"null", JSON, {"body": None}),
        (b"a=1&b=&c=%20x", "application/x-www-form-urlencoded", {"a": "1", "b": "", "c": " x"}),
        (b"hello", "text/plain", {"raw_string": "hello"}),
        (b"<a/>", "application/xml", {"raw_string": "<a/>"}),
        (b"\xff\x00", "application/octet-stream", {"raw_string": "/wA="}),
    ],
)
def test_a_body_becomes_arguments(body: bytes, content_type: str, expected: Any) -> None:
    assert main_arguments(read_payload(body, content_type), {}, {}) == expected


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{not json", JSON),
        (b"[" * 100_000, JSON),
        (b"\xff", JSON),
        (b"x", "multipart/form-data; boundary=x"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        read_payload(body, content_type)
    assert refused.value.status == 400


def test_the_query_asks_for_more_arguments() -> None:
    query = {"include_header": "X-Hub-Event, Absent", "include_query": "ref,none", "ref": "main"}
    headers = {"x-hub-event": "push", "X-Hub-Event": "push"}
    found = main_arguments(Payload({"n": 1}), query, headers)
    assert found == {"n": 1, "x_hub_event": "push", "ref": "main"}
    assert main_arguments(Payload({"n": 1}), {"wrap_body": "true"}, {}) == {"body": {"n": 1}}


def test_an_event_holds_all_but_the_callers_own_token() -> None:
    payload = read_payload(b'{"n": 1}', JSON, keep_raw=True)
    headers = {"x-hub-signature-256": "sha256=00", "authorization": "Bearer tok", "cookie": "token=tok"}
    event = webhook_event(payload, {"token": "tok", "x": "1"}, headers)
    assert event == {
        "kind": "webhook",
        "body": {"n": 1},
        "raw_string": '{"n": 1}',
        "headers": {"x-hub-signature-256": "sha256=00"},
        "query": {"x": "1"},
    }


@given(st.dictionaries(st.text(), st.integers()))
def test_a_payload_in_the_query_is_read_in_either_alphabet(value: dict[str, int]) -> None:
    text = json.dumps(value).encode()
    assert query_payload(base64.b64encode(text).decode()) == value
    assert query_payload(base64.urlsafe_b64encode(text).decode().rstrip("=")) == value


def test_no_payload_means_no_arguments() -> None:
    assert query_payload(None) == {}


@pytest.mark.parametrize(
    "text", ["x", "!!!!", base64.b64encode(b"[1]").decode(), base64.b64encode(b"{").decode()]
)
def test_a_payload_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(RequestRefused, match="JSON object in base64"):
        query_payload(text)
