"""The packages of a project, as uv has locked them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from metaflow_windmill.errors import PackageError
from metaflow_windmill.package.requirements import read_requirements

LOCK = """
version = 1
revision = 3
requires-python = ">=3.10"

[[package]]
name = "certifi"
version = "2024.1"
source = { registry = "https://index.example/simple" }

[[package]]
name = "numpy"
version = "2.0"
source = { registry = "https://index.example/simple" }
resolution-markers = ["python_full_version < '3.11'"]

[[package]]
name = "numpy"
version = "2.3"
source = { registry = "https://index.example/simple" }

[[package]]
name = "colorama"
version = "0.4"
source = { registry = "https://index.example/simple" }

[[package]]
name = "patched"
version = "1.0"
source = { git = "https://git.example/patched?branch=main#0123abc" }
dependencies = [{ name = "web", extra = ["fast"] }]

[[package]]
name = "project"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "colorama", marker = "sys_platform == 'win32'" },
    { name = "metaflow" },
    { name = "numpy", version = "2.0", marker = "python_full_version < '3.11'" },
    { name = "numpy", version = "2.3", marker = "python_full_version >= '3.11'" },
    { name = "patched" },
    { name = "web" },
]

[[package]]
name = "metaflow"
version = "2.19"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "project-helper" }]

[[package]]
name = "project-helper"
version = "1"
source = { url = "https://files.example/helper-1.tar.gz" }
dependencies = [{ name = "metaflow" }]

[[package]]
name = "quick"
version = "3"
source = { registry = "https://index.example/simple" }

[[package]]
name = "web"
version = "1.5"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "certifi" }]

[package.optional-dependencies]
fast = [{ name = "quick" }]
"""


def lines(folder: Path, text: str, python: str = "3.12") -> tuple[str, ...]:
    file = folder / "uv.lock"
    file.write_text(text, encoding="utf-8")
    return read_requirements(file, python).lines


def test_all_that_the_project_needs_is_pinned(tmp_path: Path) -> None:
    assert lines(tmp_path, LOCK) == (
        "certifi==2024.1",
        "numpy==2.3",
        "patched@git+https://git.example/patched@0123abc",
        "project-helper@https://files.example/helper-1.tar.gz",
        "quick==3",
        "web==1.5",
    )
    assert "numpy==2.0" in lines(tmp_path, LOCK, "3.10")


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('{ virtual = "." }', '{ virtual = "member" }', "locks no project of its own folder"),
        ('name = "certifi"', 'name = "other"', "does not lock certifi; run `uv lock` again"),
        ('{ url = "https://files.example/helper-1.tar.gz" }', '{ editable = "helper" }', "from a folder"),
        ('version = "1.5"', "", "is not a lock file of uv that this version can read"),
    ],
)
def test_locks_that_cannot_be_carried_over(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    with pytest.raises(PackageError, match=sentence):
        lines(tmp_path, LOCK.replace(before, after, 1))


def test_a_lock_that_uv_has_written(tmp_path: Path) -> None:
    """A project without packages from an index, so that nothing is fetched."""
    text = '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["q"]\n'
    (tmp_path / "pyproject.toml").write_text(text + '[tool.uv.sources]\nq = { path = "q" }\n')
    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "pyproject.toml").write_text('[project]\nname = "q"\nversion = "1"\n')
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv is not installed here")
    subprocess.run([uv, "lock", "--quiet", "--offline"], cwd=tmp_path, check=True)
    with pytest.raises(PackageError, match="needs q from a folder of this machine"):
        read_requirements(tmp_path / "uv.lock")
