"""Nothing here tells anybody, or any machine, to get this library by its name from an index.

The name belongs to another project there, whose code would then run beside a job's token.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import metaflow_windmill

ROOT = Path(__file__).parents[2]
NAME = r"metaflow[-_.]windmill(\[[\w,-]*\])?"
TOOL = r"\b(pip3?|pipx|uvx?|poetry|conda|pdm)\b"
AN_INDEX = (
    rf"{TOOL}[^\n]*\b(install|add|run|sync|tool)\b[^\n]*[ '\"]{NAME}['\"]?(\s|$|[=<>~!`])",
    r"\bpip3? (install|download)\b[^\n]*\{?(PACKAGE|NAME)\}",
    rf"^#?\s?['\"]?{NAME}['\"]?,?$",
    rf"['\"\s`]{NAME}\s?[=<>~!]=\s?\d",
)
"""A command that installs it, and a requirement by name, bare or with a version."""
SPOKEN_OF = (
    "tests/unit/workspace/installing/test_shipped.py",
    "tests/unit/workspace/compiling/test_repository_requirements.py",
)
"""Where such texts are what is refused."""


def tracked() -> list[Path]:
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    kept = (
        name
        for name in names
        if name not in SPOKEN_OF and name != Path(__file__).relative_to(ROOT).as_posix()
    )
    return [ROOT / name for name in kept]


def test_nothing_tells_anybody_to_install_it_from_an_index() -> None:
    found = []
    for file in tracked():
        try:
            text = file.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        if file.suffix == ".md":
            text = text.partition("\n")[2]  # its title is no requirement
        found += [
            f"{file.relative_to(ROOT)}: {match[0].strip()}"
            for pattern in AN_INDEX
            for match in re.finditer(pattern, text, re.MULTILINE)
        ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "pip install metaflow-windmill",
        "python -m pip install 'metaflow-windmill[local]'",
        "uv add metaflow-windmill",
        "uv tool install metaflow_windmill",
        "pip install metaflow metaflow-windmill==1.0.0",
        "# metaflow-windmill",
        "#metaflow-windmill",
        "metaflow-windmill",
        "  - metaflow-windmill>=1",
        "Run: pip install {PACKAGE}",
    ],
)
def test_this_test_would_see_it(text: str) -> None:
    assert any(re.search(pattern, text, re.MULTILINE) for pattern in AN_INDEX)


@pytest.mark.parametrize(
    "text",
    [
        "pip install '.[local]'",
        "metaflow-windmill install --yes",
        "metaflow-windmill@https://host/x.whl",
        "# metaflow-windmill"[2:] + " dev",
    ],
)
def test_and_nothing_else(text: str) -> None:
    assert not any(re.search(pattern, text, re.MULTILINE) for pattern in AN_INDEX)


def test_the_version_is_above_what_others_have_published() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{metaflow_windmill.__version__}"' in project
    assert int(metaflow_windmill.__version__.partition(".")[0]) >= 1
