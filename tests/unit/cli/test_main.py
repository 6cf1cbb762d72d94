"""The ``metaflow-windmill`` command, from outside."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.support.scripted_server import Answer, answer, scripted_server

from metaflow_windmill.cli.main import COMMANDS


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "metaflow_windmill.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_tells_what_it_can_do() -> None:
    told = run("--help")
    assert told.returncode == 0
    for name, command in COMMANDS.items():
        assert name in told.stdout
        assert command.summary in " ".join(told.stdout.split())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_subcommand_tells_its_options(name: str) -> None:
    told = run(name, "--help")
    assert told.returncode == 0
    assert COMMANDS[name].summary in " ".join(told.stdout.split())


@pytest.mark.parametrize(
    "arguments", [(), ("nonsense",), ("dev", "--port", "x"), ("dev", "--nonsense"), ("dev", "--tags", ",")]
)
def test_what_it_does_not_know_it_refuses(arguments: tuple[str, ...]) -> None:
    told = run(*arguments)
    assert told.returncode == 2
    assert "usage: metaflow-windmill" in told.stderr


def install(url: str, token: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WINDMILL_TOKEN": token, "XDG_DATA_HOME": "/nowhere"}
    command = [sys.executable, "-m", "metaflow_windmill.cli.main", "install", "--host", url, "--yes"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_install_refuses_a_server_that_is_too_old() -> None:
    me = answer({"username": "alice", "email": "a@example.com", "is_admin": True})
    with scripted_server(me, Answer(200, "CE v1.500.0")) as server:
        told = install(server.url, "secret")
    assert told.returncode == 1
    assert f"Windmill at {server.url} is version 1.500.0, and 1.587 or newer is needed" in told.stderr
    assert all(seen.method == "GET" for seen in server.seen)


def test_install_says_first_that_no_server_answers() -> None:
    told = install("http://127.0.0.1:9", "")
    assert told.returncode == 1
    assert told.stderr.startswith(
        "metaflow-windmill install: Windmill at http://127.0.0.1:9 does not answer: the connection was"
    )
    assert "`metaflow-windmill dev`" in told.stderr


def test_it_tells_its_version() -> None:
    told = run("--version")
    assert told.returncode == 0
    assert told.stdout.startswith("metaflow-windmill ")


def test_a_subcommand_is_loaded_only_when_it_is_asked_for() -> None:
    program = (
        "import sys, metaflow_windmill.cli.main; print([name for name in sys.modules if 'devserver' in name])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout.strip() == "[]"
