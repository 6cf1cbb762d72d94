"""A web page cannot reach the server: not by another name, not from another origin."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.support.server import running_server

from metaflow_windmill.devserver.api.guard import Guard

if TYPE_CHECKING:
    from pathlib import Path


async def nothing(*_: object) -> None:
    """Stand behind the guard."""


def refusal(listens_on: str, method: str, **headers: str) -> str:
    return Guard(nothing, listens_on).refusal(method, headers)


@pytest.mark.parametrize("named", ["127.0.0.1:8000", "localhost", "LOCALHOST:80", "[::1]:8000", "127.9.9.9"])
def test_it_answers_under_the_names_of_this_machine(named: str) -> None:
    assert refusal("127.0.0.1", "POST", host=named) == ""


@pytest.mark.parametrize(
    "named", ["evil.example", "127.0.0.1.evil.example", "192.168.0.1", "", "localhost.evil", "[::1"]
)
def test_it_answers_under_no_other(named: str) -> None:
    assert "not known as" in refusal("127.0.0.1", "GET", host=named)


def test_it_answers_under_the_name_or_the_addresses_that_it_listens_on() -> None:
    assert refusal("windmill.lan", "GET", host="Windmill.lan:8000") == ""
    assert refusal("0.0.0.0", "GET", host="192.168.0.1:8000") == ""
    assert refusal("0.0.0.0", "GET", host="evil.example") != ""


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9000", "null", "http://[x"])
def test_nothing_is_changed_from_another_origin(origin: str) -> None:
    assert "from elsewhere" in refusal("127.0.0.1", "POST", host="127.0.0.1:8000", origin=origin)
    assert refusal("127.0.0.1", "GET", host="127.0.0.1:8000", origin=origin) == ""
    assert refusal("127.0.0.1", "POST", host="127.0.0.1:8000", origin="http://127.0.0.1:8000") == ""


def test_a_server_refuses_both_allows_no_page_to_read_and_keeps_its_files_to_itself(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        named = {"Host": "evil.example"}
        assert server.ask("GET", "/api/version", headers=named).status_code == 403
        foreign = {"Origin": "http://evil.example"}
        assert server.ask("POST", "/folders/create", headers=foreign, json={"name": "x"}).status_code == 403
        asked = {**foreign, "Access-Control-Request-Method": "POST"}
        for answer in (
            server.ask("OPTIONS", "/folders/create", headers=asked),
            server.ask("GET", "/api/version", headers=foreign),
        ):
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        own = {"Origin": f"http://{urlsplit(server.url).netloc}"}
        assert server.ask("POST", "/folders/create", headers=own, json={"name": "x"}).status_code == 200
        job = server.post(
            "/jobs/run/preview", {"content": "def main():\n    return 1\n", "language": "python3"}
        )
        assert server.finished(job)["result"] == 1
        for path in (server.data, *server.data.rglob("*")):
            if not path.is_symlink():
                assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
