"""Which Windmill is meant: by what is said, the environment, the configuration, or the default."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from tests.support.scripted_server import Answer, answer, scripted_server
from tests.support.server import wait_until

from metaflow_windmill.client.site import (
    CALL,
    COMMAND,
    DEPLOYER,
    TOOL,
    Address,
    Ways,
    find_address,
    open_site,
)
from metaflow_windmill.errors import Unauthorized, Unreachable

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WINDMILL_HOST", "WINDMILL_TOKEN", "WINDMILL_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def own_server(token: str) -> None:
    """Leave the token that an embedded server of this user leaves."""
    place = Path(os.environ["XDG_DATA_HOME"]) / "metaflow-windmill"
    place.mkdir()
    (place / "token").write_text(f"{token}\n")


def test_the_default_is_the_embedded_server_with_its_own_token() -> None:
    assert find_address(environment={}) == Address("http://localhost:8000", "", "admins")
    own_server("own")
    assert find_address(environment={}) == Address("http://localhost:8000", "own", "admins")


def test_the_token_of_the_embedded_server_goes_nowhere_else() -> None:
    own_server("own")
    assert find_address("https://windmill.example.com", environment={}).token == ""
    assert find_address("http://127.0.0.1:8001", environment={}).token == "own"
    assert find_address(environment={"WINDMILL_TOKEN": "mine"}).token == "mine"


def test_what_is_said_wins_over_the_environment() -> None:
    there = {"WINDMILL_HOST": "http://a", "WINDMILL_TOKEN": "t", "WINDMILL_WORKSPACE": "w"}
    assert find_address(environment=there) == Address("http://a", "t", "w")
    assert find_address("http://b", "u", "v", there) == Address("http://b", "u", "v")


def test_a_token_is_in_no_text() -> None:
    assert "secret" not in repr(find_address(token="secret", environment={}))


@pytest.mark.parametrize(
    ("ways", "advice"),
    [
        (COMMAND, "set WINDMILL_TOKEN or give --windmill-token"),
        (TOOL, "set WINDMILL_TOKEN;"),
        (CALL, 'set os.environ["WINDMILL_TOKEN"] or pass token=...'),
        (DEPLOYER, "or pass windmill_token=... to Deployer(...).windmill()"),
    ],
)
def test_a_server_without_a_token_for_it(ways: Ways, advice: str) -> None:
    with scripted_server(Answer(200, "CE v1.788.0")) as server, pytest.raises(Unauthorized) as caught:
        open_site(Address(server.url, ""), ways)
    assert str(caught.value).startswith(f"there is no Windmill token for {server.url}: ")
    assert advice in str(caught.value)


def test_no_server_is_said_first_and_not_that_there_is_no_token() -> None:
    with pytest.raises(Unreachable) as caught:
        open_site(Address(NOWHERE, ""))
    assert str(caught.value).startswith(f"Windmill at {NOWHERE} does not answer: the connection was refused")
    assert "Start a Windmill on this machine with `metaflow-windmill dev`" in str(caught.value)
    assert "token" not in str(caught.value)


def test_connections_end_with_what_was_opened() -> None:
    with scripted_server(answer(value=True), keep=True) as server:
        site = open_site(Address(server.url, "t"))
        assert site.windmill.flow_exists("f/a/b")
        assert server.open == 1
        del site
        gc.collect()
        wait_until(lambda: server.open == 0, 10, "the connection was not closed")
