from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import TaskError
from metaflow_windmill.runtime.output.failure import Failure, TracebackLine, describe, exception
from metaflow_windmill.runtime.output.metadata_service import HEADERS, check_headers, explained

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = "/cache/abcd/.mf_code/metaflow"
PROVIDER = (f"{LIBRARY}/plugins/metadata_providers/service.py", 400, "_request")
GONE = Failure("ConnectionError", "HTTPConnectionPool: ...", asking=True)
FORBIDDEN = Failure("ServiceException", "Metadata request (/flows/F) failed (code 403): no", asking=True)


def described(*frames: tuple[str, int, str]) -> Failure:
    before = Failure("ConnectionError", "", tuple(TracebackLine(*frame) for frame in frames))
    return describe(ConnectionError("why").with_traceback(exception(before).__traceback__), LIBRARY)


def test_where_an_exception_came_from_is_remembered(tmp_path: Path) -> None:
    task = (f"{LIBRARY}/task.py", 700, "run_step")
    requests = ("/usr/lib/python3/dist-packages/requests/adapters.py", 500, "send")
    assert described(task, PROVIDER, requests).asking
    assert not described(task, ("/work/flow.py", 3, "start"), requests).asking
    assert Failure.from_json(described(task, PROVIDER).to_json()).asking


def test_a_service_that_does_not_answer() -> None:
    told = explained(GONE, "http://inside:8080").message
    assert told.startswith("The metadata service at http://inside:8080 does not answer this worker (Conn")
    assert "METAFLOW_SERVICE_INTERNAL_URL names its address for workers" in told


def test_a_service_that_does_not_let_in() -> None:
    told = explained(FORBIDDEN, "http://inside:8080").message
    assert "does not let this worker in" in told
    assert "--secret METAFLOW_SERVICE_HEADERS=f/folder/variable" in told
    assert FORBIDDEN.message in told


@pytest.mark.parametrize(
    "failure",
    [
        replace(GONE, asking=False),
        replace(FORBIDDEN, asking=False),
        replace(FORBIDDEN, message="Metadata request (/flows/F) failed (code 500): no"),
    ],
)
def test_other_failures_stay_what_they_are(failure: Failure) -> None:
    assert explained(failure, "http://inside:8080") == failure


@pytest.mark.parametrize("value", ["just-the-key", '["a"]', "{", '"text"'])
def test_headers_that_metaflow_would_print_are_not_said(value: str) -> None:
    with pytest.raises(TaskError, match="holds no JSON object such as") as told:
        check_headers({HEADERS: value})
    assert value not in str(told.value).replace(HEADERS, "") or value == "{"


def test_headers_as_they_should_be() -> None:
    check_headers({HEADERS: '{"x-api-key": "abc"}'})
    check_headers({HEADERS: ""})
    check_headers({})
