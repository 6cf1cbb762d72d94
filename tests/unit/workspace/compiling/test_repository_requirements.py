from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import DeployError
from metaflow_windmill.workspace.compiling.repository_requirements import Requirements, requirements_of

if TYPE_CHECKING:
    from pathlib import Path

HEADER = """\
# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "pandas>=2",
#   "attrs",
# ]
# ///
"""
LINES = """\
# all
numpy \\
  >=1.26  # fast

metaflow
metaflow-windmill==9
Metaflow_Windmill
pandas[aws] ; python_version > '3'
"""


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_none(tmp_path: Path) -> None:
    write(tmp_path, flows__a_dot_py="x = 1\n")
    assert requirements_of(tmp_path, "flows/a.py") == Requirements()


def test_a_header_counts_before_everything_else(tmp_path: Path) -> None:
    write(
        tmp_path,
        flows__a_dot_py=f"#!/usr/bin/env python\n{HEADER}x = 1\n",
        flows__requirements_dot_txt="numpy\n",
    )
    assert requirements_of(tmp_path, "flows/a.py") == Requirements(
        ("attrs", "pandas>=2"), "flows/a.py", ">=3.10"
    )


def test_an_empty_header_is_an_answer(tmp_path: Path) -> None:
    write(tmp_path, a_dot_py="# /// script\n# dependencies = []\n# ///\n", requirements_dot_txt="numpy\n")
    assert requirements_of(tmp_path, "a.py").lines == ()


def test_the_nearest_file_on_the_way_up(tmp_path: Path) -> None:
    write(tmp_path, a__b__flow_dot_py="", a__requirements_dot_txt="numpy\n", requirements_dot_txt="pandas\n")
    assert requirements_of(tmp_path, "a/b/flow.py") == Requirements(("numpy",), "a/requirements.txt")


def test_requirements_come_before_a_project(tmp_path: Path) -> None:
    project = '[project]\nname = "x"\ndependencies = ["scipy~=1.10"]\n'
    write(tmp_path, flows__flow_dot_py="", pyproject_dot_toml=project)
    assert requirements_of(tmp_path, "flows/flow.py") == Requirements(("scipy~=1.10",), "pyproject.toml")
    write(tmp_path, requirements_dot_txt="numpy\n")
    assert requirements_of(tmp_path, "flows/flow.py").source == "requirements.txt"


def test_a_project_without_dependencies_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, flow_dot_py="", pyproject_dot_toml="[tool.ruff]\nline-length = 100\n")
    assert requirements_of(tmp_path, "flow.py") == Requirements()


LOCK = """
version = 1
requires-python = ">=3.10"

[[package]]
name = "project"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "numpy" }]

[[package]]
name = "numpy"
version = "2.3"
source = { registry = "https://index.example/simple" }
"""


def test_a_lock_of_uv_comes_before_its_project(tmp_path: Path) -> None:
    project = '[project]\nname = "project"\nversion = "0"\ndependencies = ["numpy"]\n'
    write(tmp_path, flows__flow_dot_py="", pyproject_dot_toml=project, uv_dot_lock=LOCK)
    assert requirements_of(tmp_path, "flows/flow.py") == Requirements(("numpy==2.3",), "uv.lock")
    write(tmp_path, uv_dot_lock="version = 1\n")
    with pytest.raises(DeployError, match=r"^uv\.lock is not a lock file of uv"):
        requirements_of(tmp_path, "flows/flow.py")


def test_comments_continuations_and_own_name(tmp_path: Path) -> None:
    write(tmp_path, flow_dot_py="", requirements_dot_txt=LINES)
    lines = requirements_of(tmp_path, "flow.py").lines
    assert [" ".join(line.split()) for line in lines] == [
        "metaflow",
        "numpy >=1.26",
        "pandas[aws] ; python_version > '3'",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "--index-url https://evil.example",
        "-r ../../etc/passwd",
        "-c constraints.txt",
        "--find-links=/tmp",
        "./local",
        "/etc/passwd",
        "file:///etc/x.whl",
        "x @ file:///etc/x.whl",
    ],
)
def test_what_could_reach_beyond_packages_is_refused(tmp_path: Path, line: str) -> None:
    write(tmp_path, flow_dot_py="", requirements_dot_txt=f"numpy\n{line}\n")
    with pytest.raises(DeployError, match="Only packages by name"):
        requirements_of(tmp_path, "flow.py")


def test_broken_toml_is_named(tmp_path: Path) -> None:
    write(tmp_path, flow_dot_py="", pyproject_dot_toml="[project\n")
    with pytest.raises(DeployError, match=r"pyproject\.toml is not valid TOML"):
        requirements_of(tmp_path, "flow.py")


def test_the_digest_knows_all_that_makes_an_environment() -> None:
    base = Requirements(("a",))
    others = [Requirements(("b",)), Requirements(("a",), python=">=3"), Requirements(("a", "b"))]
    assert len({item.digest("x") for item in (base, *others)} | {base.digest("y")}) == 5
    assert base.digest("x") == Requirements(("a",), "elsewhere").digest("x")
