"""What flows need, read from the files in which people write it down."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import PackageError
from metaflow_windmill.package.requirements import find_requirements, read_requirements

if TYPE_CHECKING:
    from pathlib import Path

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
HEADER = """#!/usr/bin/env python
# /// script
# requires-python = ">=3.10,<3.12"
# dependencies = [
#     "Zope.Interface>=5",
#     "requests[socks] >=2, <3",
# ]
# ///
import zope
"""
PROJECT = """
[project]
name = "p"
requires-python = "==3.10.*"
dependencies = [
    "metaflow>=2",
    "metaflow_windmill[local]",
    'old ; python_version < "3.11" and sys_platform == "linux"',
    'new ; python_version >= "3.11"',
    'win ; sys_platform == "win32"',
    "from-git @ git+https://git.example/x.git@main",
]
"""


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_script_with_a_header(tmp_path: Path) -> None:
    found = read_requirements(written(tmp_path, "flow.py", HEADER))
    assert found.lines == ("requests[socks]<3,>=2", "zope-interface>=5")
    assert found.python == (OWN if OWN in ("3.10", "3.11") else "3.11")


def test_a_project_as_it_is_on_the_worker(tmp_path: Path) -> None:
    file = written(tmp_path, "pyproject.toml", PROJECT)
    found = read_requirements(file)
    assert found.lines == ("from-git@git+https://git.example/x.git@main", "old")
    assert (found.python, found.source) == ("3.10", str(file))
    assert read_requirements(file, "3.12").lines[-1] == "new"


def test_a_file_of_requirements_and_those_that_it_includes(tmp_path: Path) -> None:
    written(tmp_path, "base/more.txt", "b==2 --hash=sha256:00 \\\n  --hash=sha256:11\n")
    file = written(tmp_path, "requirements.txt", "# all\na  # one\n\n-r base/more.txt\nc ~= 1.0\n")
    assert read_requirements(file).lines == ("a", "b==2", "c~=1.0")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("r.txt", "--index-url https://elsewhere\nx\n", r"the option '--index-url', which Windmill does not"),
        ("r.txt", "-e .\n", r"the option '-e'"),
        ("r.txt", "./folder\n", r"asks for './folder', which is no package by name, version or address"),
        ("r.txt", "x @ file:///tmp/x.whl\n", r"from file:///tmp/x.whl, which a worker cannot fetch"),
        ("r.txt", "-r missing.txt\n", r"missing.txt cannot be read"),
        ("pyproject.toml", "[tool.x]\n", r"has no \[project\] with dependencies"),
        ("pyproject.toml", "not toml", r"holds no valid TOML"),
        ("flow.py", "import os\n", r"has no PEP 723 header"),
        ("pyproject.toml", PROJECT.replace("==3.10.*", "<3.10"), r"Python <3.10, and tasks run on 3.13"),
        ("pyproject.toml", PROJECT.replace("==3.10.*", "new"), r"Python 'new', which is no specifier"),
    ],
)
def test_what_windmill_cannot_install(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(PackageError, match=sentence):
        read_requirements(written(tmp_path, name, text))


@pytest.mark.parametrize("version", ["3.9", "2.7.18", "3.11t", ">=3.11"])
def test_a_python_that_no_task_runs_on(tmp_path: Path, version: str) -> None:
    with pytest.raises(PackageError, match="A step asks for Python"):
        read_requirements(written(tmp_path, "r.txt", "x"), version)


def test_the_nearest_file_says_what_a_flow_needs(tmp_path: Path) -> None:
    flow = written(tmp_path, "repo/flows/flow.py", "import os\n")
    outside = written(tmp_path, "pyproject.toml", PROJECT)
    assert find_requirements(flow) is None
    (tmp_path / "repo/.git").mkdir()
    assert find_requirements(flow) is None, f"{outside} is not of the repository"
    root = written(tmp_path, "repo/pyproject.toml", PROJECT)
    assert find_requirements(flow) == root
    written(tmp_path, "repo/flows/pyproject.toml", "[tool.x]\n")
    assert find_requirements(flow) == root
    lock = written(tmp_path, "repo/uv.lock", "")
    assert find_requirements(flow) == lock
    assert find_requirements(written(tmp_path, "repo/flows/other.py", HEADER)).name == "other.py"  # type: ignore[union-attr]
