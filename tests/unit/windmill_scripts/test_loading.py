"""How a workspace's scripts come to the library: by a loader that gives up where one answer is bad."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.scripted_server import Answer, scripted_server

from metaflow_windmill.devserver.runner.job_directory import IN_JOB
from metaflow_windmill.workspace.installing.library import NAME, SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = sorted(file.name for file in SHIPPED.glob("*.py") if file.stem != NAME)
LIBRARY = Answer(200, "def load():\n    print('the library is there')\n")
NONE = Answer(404, "")
BAD = (Answer(500, "no"), Answer(502, "a fault on the way"), Answer(drop=True))
JOB = """
import sys
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"))
from f.metaflow.doctor import library
library((0, 0, 0, 0))
"""


def job(place: Path, *answers: Answer) -> subprocess.CompletedProcess[str]:
    """Run what a job of a script does first, with these answers to what its loader asks for."""
    own = Answer(200, (SHIPPED / "doctor.py").read_text(encoding="utf-8"))
    with scripted_server(own, *answers) as server:
        environment = {"BASE_INTERNAL_URL": server.url, "WM_WORKSPACE": "admins", "PATH": os.environ["PATH"]}
        return subprocess.run(
            [sys.executable, "-c", JOB, IN_JOB / "loader.py"],
            cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_is_asked_for_again(tmp_path: Path, bad: Answer) -> None:
    """The module is empty then; its `load` is looked for as a script of its own, which is not there."""
    done = job(tmp_path, bad, NONE, bad, bad, LIBRARY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("the library is there\n")


def test_a_library_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    done = job(tmp_path, *(NONE,) * 8)
    assert done.returncode == 1
    assert "Windmill did not hand out the script f/metaflow/library. Is it there" in done.stderr


def test_all_scripts_get_it_in_the_same_way() -> None:
    """What they would share they could not import: each has the function, and begins by it."""
    shared = set()
    for name in SCRIPTS:
        tree = ast.parse((SHIPPED / name).read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        shared.add(ast.unparse(functions.pop("library")))
        assert {ast.unparse(function.body[1]) for function in functions.values()} == {"library()"}, name
    assert len(shared) == 1
