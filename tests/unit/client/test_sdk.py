"""The second transport: Windmill's own SDK, over the same real server as the first."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.scripted_server import Answer, Script, answer, scripted_server

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.sdk import WmillTransport
from metaflow_windmill.client.transport import Request, Transport
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.errors import Unauthorized, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "t0p-s3cret"


@contextmanager
def sdk_transport(server: Script) -> Iterator[WmillTransport]:
    import wmill

    sdk = wmill.Windmill(server.url, TOKEN, "my-team")
    with sdk.client:
        yield WmillTransport(sdk)


def test_both_transports_ask_the_same() -> None:
    request = Request("POST", "/w/my-team/flows/create", {"a": "b c"}, {"path": "f/x/y"})
    with scripted_server(answer("one", 201), answer("one", 201)) as server, sdk_transport(server) as sdk:
        transports: list[Transport] = [HttpTransport(server.url, TOKEN), sdk]
        answers = [transport.send(request) for transport in transports]
    assert [(given.status, given.content) for given in answers] == [(201, b'"one"')] * 2
    first, second = server.seen
    assert (first.method, first.path.replace("+", "%20")) == (second.method, second.path.replace("+", "%20"))
    assert first.headers["authorization"] == second.headers["authorization"] == f"Bearer {TOKEN}"
    assert first.body.replace(" ", "") == second.body.replace(" ", "")


def test_the_workspace_of_the_job() -> None:
    with scripted_server(answer(True)) as server, sdk_transport(server) as transport:
        assert Windmill(transport, transport.workspace).flow_exists("f/x/y")
    assert server.seen[0].path == "/api/w/my-team/flows/exists/f/x/y"


def test_a_server_that_hangs_up() -> None:
    with (
        scripted_server(Answer(drop=True)) as server,
        sdk_transport(server) as transport,
        pytest.raises(
            Unreachable, match=r"GET /api/version got no answer from Windmill at http|does not answer"
        ),
    ):
        transport.send(Request("GET", "/version"))


def test_the_token_is_in_no_text() -> None:
    with scripted_server(Answer(401, f"no: {TOKEN}")) as server, sdk_transport(server) as transport:
        response = transport.send(Request("GET", "/x"))
        assert (response.status, response.text) == (401, "no: ***")
        assert TOKEN not in repr(transport)


def test_outside_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WM_TOKEN", raising=False)
    with pytest.raises(Unauthorized, match="inside a Windmill job only"):
        WmillTransport()


def test_inside_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    variables: dict[str, Any] = {"WM_TOKEN": TOKEN, "WM_WORKSPACE": "my-team"}
    with scripted_server(answer(True)) as server:
        for name, value in {**variables, "BASE_INTERNAL_URL": server.url}.items():
            monkeypatch.setenv(name, value)
        transport = WmillTransport()
        assert transport.workspace == "my-team"
        assert Windmill(transport, transport.workspace).folder_exists("flows")
        transport._sdk.client.close()
