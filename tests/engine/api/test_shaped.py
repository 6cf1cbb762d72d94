"""How a result becomes an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metaflow_windmill.devserver.api.awaited_results import shaped
from metaflow_windmill.errors import RequestRefused


@pytest.mark.parametrize("result", [None, 1, "x", [1], {"a": 1}, {"result": 1}])
def test_a_plain_result_is_json(result: Any) -> None:
    answer = shaped(result, success=True)
    assert (answer.status_code, json.loads(bytes(answer.body))) == (200, result)
    assert answer.media_type == "application/json"
    assert shaped(result, success=False).status_code == 422


@pytest.mark.parametrize(
    ("result", "status", "body", "media_type"),
    [
        ({"windmill_status_code": 201, "result": {"a": 1}}, 201, b'{"a": 1}', "application/json"),
        ({"windmill_status_code": 202}, 202, b"", None),
        ({"windmill_headers": {"X-A": "b"}}, 204, b"", None),
        ({"windmill_content_type": "text/html", "result": "<b>"}, 200, b"<b>", "text/html"),
        ({"windmill_content_type": "text/csv", "result": [1]}, 200, b"[1]", "text/csv"),
        (
            {
                "windmill_content_type": "image/png",
                "windmill_content_transfer_encoding": "base64",
                "result": "AAE=",
            },
            200,
            b"\x00\x01",
            "image/png",
        ),
    ],
)
def test_keys_of_the_result_shape_the_answer(
    result: Any, status: int, body: bytes, media_type: str | None
) -> None:
    answer = shaped(result, success=True)
    assert (answer.status_code, bytes(answer.body), answer.media_type) == (status, body, media_type)


def test_headers_of_the_result_are_set() -> None:
    answer = shaped({"windmill_headers": {"X-A": "b"}, "result": 1}, success=True)
    assert answer.headers["x-a"] == "b"


@pytest.mark.parametrize(
    "result",
    [
        {"windmill_status_code": 42},
        {"windmill_status_code": "x"},
        {
            "windmill_content_type": "image/png",
            "windmill_content_transfer_encoding": "base64",
            "result": "*",
        },
    ],
)
def test_a_shape_that_makes_no_sense_is_refused(result: Any) -> None:
    with pytest.raises(RequestRefused):
        shaped(result, success=True)
