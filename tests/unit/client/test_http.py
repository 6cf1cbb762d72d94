"""The HTTP transport against a real server that misbehaves."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from tests.support.scripted_server import Answer, answer, scripted_server

from metaflow_windmill.client.http import HttpTransport, base_address, checked_token
from metaflow_windmill.client.transport import Request
from metaflow_windmill.errors import Refused, Unauthorized, Unreachable

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "t0p-s3cret"


def test_sends_the_token_the_query_and_the_body() -> None:
    with scripted_server(answer([1])) as server:
        request = Request("POST", "/w/admins/x", {"a": "b c"}, {"ä": 1})
        response = HttpTransport(server.url + "/", TOKEN).send(request)
        assert response.json(request) == [1]
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/api/w/admins/x?a=b+c", '{"\\u00e4": 1}')
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["content-type"] == "application/json"


def test_sends_no_body_where_there_is_none() -> None:
    with scripted_server(Answer()) as server:
        HttpTransport(server.url, TOKEN).send(Request("POST", "/x"))
    assert server.seen[0].body == ""
    assert "content-type" not in server.seen[0].headers


def test_the_token_wins_over_a_netrc_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted_server(Answer()) as server:
        HttpTransport(server.url, TOKEN).send(Request("GET", "/x"))
    assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_host_that_nobody_listens_on() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unreachable) as caught:
        HttpTransport(host, TOKEN).send(Request("GET", "/version"))
    assert str(caught.value) == (
        f"Windmill at {host} does not answer: the connection was refused (at GET /api/version). "
        "Start a Windmill on this machine with `metaflow-windmill dev`, or set WINDMILL_HOST to the address "
        "of another one"
    )
    assert (caught.value.request, caught.value.status) == ("GET /api/version", None)


def test_a_host_name_that_nobody_has() -> None:
    with pytest.raises(Unreachable, match=r"the host name is not known .* Check that WINDMILL_HOST is right"):
        HttpTransport("http://nowhere.invalid", TOKEN).send(Request("GET", "/version"))


def test_a_server_that_hangs_up() -> None:
    with scripted_server(Answer(drop=True)) as server, pytest.raises(Unreachable, match="connection broke"):
        HttpTransport(server.url, TOKEN).send(Request("GET", "/version"))


def test_a_server_that_never_answers() -> None:
    with (
        scripted_server(Answer(stall=True)) as server,
        pytest.raises(Unreachable, match="did not come in time"),
    ):
        HttpTransport(server.url, TOKEN, read_seconds=0.1).send(Request("GET", "/version"))


def test_a_redirect_is_not_followed() -> None:
    there = Answer(301, headers={"Location": "https://windmill.example.com/api/version?token=x"})
    with scripted_server(there) as server, pytest.raises(Refused) as caught:
        HttpTransport(server.url, TOKEN).send(Request("POST", "/version"))
    assert "redirected by" in str(caught.value)
    assert "to https://windmill.example.com; set WINDMILL_HOST" in str(caught.value)
    assert len(server.seen) == 1


def test_something_that_is_not_windmill() -> None:
    request = Request("GET", "/w/admins/users/whoami")
    with scripted_server(Answer(200, "<html>hello</html>")) as server:
        response = HttpTransport(server.url, TOKEN).send(request)
    with pytest.raises(Refused, match=r"GET /api/w/admins/users/whoami was answered .* not JSON"):
        response.json(request)


def test_the_token_is_in_no_text() -> None:
    with scripted_server(Answer(401, f"bad header: Bearer {TOKEN}")) as server:
        transport = HttpTransport(server.url, TOKEN)
        response = transport.send(Request("GET", "/x"))
    assert response.text == "bad header: Bearer ***"
    assert TOKEN not in repr(transport) + repr(response)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        (" https://w.example.com/ ", "https://w.example.com"),
        ("https://w.example.com/api/", "https://w.example.com"),
        ("https://example.com/windmill/api", "https://example.com/windmill"),
        ("https://user:pass@example.com", "https://example.com"),
    ],
)
def test_addresses(host: str, address: str) -> None:
    assert base_address(host) == address


@pytest.mark.parametrize(
    "host", ["", "localhost:8000", "ftp://example.com", "http://", "me:secret@example.com"]
)
def test_what_is_not_an_address(host: str) -> None:
    with pytest.raises(Unreachable, match="is not an address; write it like") as caught:
        base_address(host)
    assert "secret" not in str(caught.value)


def test_tokens_are_stripped() -> None:
    assert checked_token(f" {TOKEN}\n") == TOKEN


@pytest.mark.parametrize("token", ["", "  ", "two words", "a\nb", "tökén"])
def test_what_is_not_a_token(token: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        checked_token(token)
    assert not token.strip() or token not in str(caught.value)
