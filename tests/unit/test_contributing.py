"""The answers that CONTRIBUTING.md gives to "where is it?" are files, and there are enough of them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (?P<question>[^|]+) \| `(?P<file>[^`|]+)` \|$", re.MULTILINE)


def answers() -> dict[str, str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    part = text.partition("## Where is it?")[2].partition("\n## ")[0]
    return {found["question"].strip(): found["file"] for found in ROW.finditer(part)}


def test_ten_questions_are_answered_by_files_that_are_there() -> None:
    assert len(answers()) >= 10
    assert [file for file in answers().values() if not (ROOT / file).is_file()] == []


def test_each_file_of_the_house_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text))
    places = [ROOT, ROOT / "lib" / "metaflow_windmill"]
    assert named
    assert sorted(name for name in named if not any((place / name).is_file() for place in places)) == []
