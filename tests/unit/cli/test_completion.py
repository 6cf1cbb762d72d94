"""Completion by the tab key: what is printed, done by a real bash, and understood by other shells."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from functools import cache

import pytest

from metaflow_windmill.cli.completion import flow_words, own_words
from metaflow_windmill.cli.flow.group import COMMANDS as FLOW_COMMANDS
from metaflow_windmill.cli.main import COMMANDS
from metaflow_windmill.cli.shells import SHELLS

pytestmark = pytest.mark.metaflow


@cache
def program(shell: str, flows: bool = True) -> str:
    return SHELLS[shell](own_words(), flow_words() if flows else None)


def completed(line: str, *, flows: bool = True) -> set[str]:
    """Return what a bash offers for a line whose end is where the tab key is pressed."""
    words = line.split(" ")
    function = "_metaflow_windmill" if words[0] == "metaflow-windmill" else "_metaflow_windmill_flow"
    asked = (
        f"{program('bash', flows)}\nCOMP_WORDS=({' '.join(map(shlex.quote, words))})\n"
        f'COMP_CWORD={len(words) - 1}\n{function}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")


@needs_bash
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("metaflow-windmill ", set(COMMANDS)),
        ("metaflow-windmill d", {"dev", "doctor"}),
        ("metaflow-windmill dev --po", {"--port"}),
        ("metaflow-windmill completion ", {"bash", "fish", "zsh"}),
        ("metaflow-windmill nonsense --", set()),
        ("python flow.py windmill ", set(FLOW_COMMANDS)),
        ("python flow.py --no-pylint windmill --name x un", {"unsuspend"}),
        ("python3 flows/flow.py windmill logs --fo", {"--follow"}),
        ("python flow.py windmill run --q", {"--quiet-tasks"}),
        ("python flow.py windmill run --run-params-file ", set()),  # files: bash's own
        ("python flow.py ru", set()),
        ("python -m windmill ", set()),
        ("python ", set()),
    ],
)
def test_bash_offers_what_fits(line: str, offered: set[str]) -> None:
    assert completed(line) == offered


@needs_bash
def test_python_is_left_alone_unless_it_is_asked_for() -> None:
    text = program("bash", flows=False)
    assert " python" not in text
    assert completed("metaflow-windmill ", flows=False) == set(COMMANDS)


@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_each_shell_reads_its_program(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    for flows in (True, False):
        done = subprocess.run(
            [shell, "-n"], input=program(shell, flows), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_all_words_are_in_each_program() -> None:
    for shell in SHELLS:
        text = program(shell)
        assert all(name in text for name in (*COMMANDS, *FLOW_COMMANDS))
        assert "quiet-tasks" in text
        assert "deployer-attribute-file" not in text
