"""The workflows of .github: what they call is there, on the Pythons that the package says it runs on."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from metaflow._vendor import yaml
from tests.support.oracle import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ABOUT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
COMMON = {"gh"}
"""Commands of a runner's own."""


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    return found


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(file).values() for step in job["steps"]]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_what_is_run_is_there(file: Path) -> None:
    lines = [line for step in steps(file) for line in step.get("run", "").splitlines() if line.strip()]
    commands = [shlex.split(line)[0] for line in lines]
    assert commands
    for command in commands:
        assert command in COMMON or os.access(ROOT / command, os.X_OK), f"{file.name} runs {command}"


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_text_from_outside_stands_in_a_command(file: Path) -> None:
    """A branch or a tag may be called anything, also a command: such texts are handed over by variables."""
    assert not [step["run"] for step in steps(file) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_are_of_a_version_and_rights_are_said(file: Path) -> None:
    used = [step["uses"] for step in steps(file) if "uses" in step]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", name) for name in used), used
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["permissions"].keys() == {"contents"}


def test_every_python_that_is_supported_is_tested() -> None:
    tested = jobs(ROOT / ".github/workflows/test.yml")["test"]["strategy"]["matrix"]["python"]
    assert tested == re.findall(r"Python :: (3\.\d+)", ABOUT)
    least, below = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', ABOUT).groups()  # type: ignore[union-attr]
    assert tested == [f"3.{minor}" for minor in range(int(least), int(below))]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Python {tested[0]} to {tested[-1]}" in readme
