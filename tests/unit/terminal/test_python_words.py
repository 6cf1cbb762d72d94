"""To whom calls from Python, an error names arguments."""

from __future__ import annotations

import pytest
from metaflow._vendor import click

from metaflow_windmill.terminal.python_words import FROM_PYTHON, in_python
from metaflow_windmill.terminal.speech import CommandError


@pytest.mark.parametrize(
    ("told", "in_words"),
    [
        ("ask for its token and add --authorize TOKEN", "ask for its token and add authorize=..."),
        ("deploy elsewhere with --folder or --name", "deploy elsewhere with folder=... or name=..."),
        (
            "--environment=conda is not made; use --environment=pypi",
            'environment="conda" is not made; use environment="pypi"',
        ),
        ("--tag takes a text", "tags=... takes a text"),
        ("give it with --a-text or --run-param a-text=...", "give it with a_text=... or run_param=..."),
        ("`windmill run --max-wait 5` follows", "`windmill run --max-wait 5` follows"),
        ("a -- b, --- and x--y stay", "a -- b, --- and x--y stay"),
    ],
)
def test_options_are_arguments(told: str, in_words: str) -> None:
    assert in_python(told, {"--tag": "tags"}) == in_words


def test_a_failure_speaks_to_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    create = click.Command("create", params=[click.Option(["--secret", "secrets"])])

    def said() -> str:
        with create.make_context("create", []):
            return str(CommandError("give --secret NAME").message)

    monkeypatch.delenv(FROM_PYTHON, raising=False)
    assert said() == "give --secret NAME"
    monkeypatch.setenv(FROM_PYTHON, "1")
    assert said() == "give secrets=..."
