"""The ``metaflow-windmill`` command, from outside."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("dev", "--port", "x"), ("dev", "--nonsense")])
def test_what_it_does_not_know_it_refuses(arguments: tuple[str, ...]) -> None:
    told = run(*arguments)
    assert told.returncode == 2
    assert "usage: metaflow-windmill" in told.stderr


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
