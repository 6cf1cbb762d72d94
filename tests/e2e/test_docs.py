"""Every command in the documentation is run: the blocks of a page, in order, in an empty directory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.patience import patient

if TYPE_CHECKING:
    from tests.support.deployed import Target

ROOT = Path(__file__).parents[2]
BESIDE = ("README.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md", "examples/team/README.md")
PAGES = sorted([*(ROOT / name for name in BESIDE), *(ROOT / "docs").glob("*.md")])
ELSEWHERE = {"own-windmill.md": "tests/e2e/test_own_windmill.py, with the store that it speaks of"}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PATIENCE = 500
"""Seconds for all commands of a page, on a busy machine."""

RUN_ELSEWHERE = {
    "scripts/demo": "tests/e2e/test_demo.py",
    "scripts/test": "it is what runs this test",
    "scripts/check --fix": "scripts/test runs scripts/check",
    "scripts/bench": "takes minutes, and its numbers are for people",
    "scripts/scale foreach 500 5000": "takes an hour; tests/e2e/test_scale.py runs it with small numbers",
    "scripts/scale engine 500 50000": "takes many minutes; tests/engine/engine/test_scale.py runs few items",
    "scripts/scale recursion 100 1000": "takes minutes; tests/e2e/test_scale.py runs it with small numbers",
    "scripts/soak 30": "takes half an hour; tests/unit/test_soak_accounts.py tests its accounts",
    "scripts/flaky 200": "takes a quarter of an hour; tests/faults/test_flaky_api.py does it with fewer",
    "scripts/fuzz 100": "tests/properties/test_same_as_local.py does the same with fewer flows",
    "scripts/test --server https://windmill.example.com --token ...": "tests/unit/test_elsewhere.py runs it",
    "pip install '.[local]'": "scripts/install does it",
    "pip install '.[local]' pandas scikit-learn": "scripts/install does it",
    "cd examples": "the tests begin there",
    "metaflow-windmill dev": "the server that these tests speak to",
    "metaflow-windmill dev --tags gpu,large": "tests/engine/pages/test_pages.py starts it so",
}


def commands_of(page: Path) -> list[str]:
    """Return what a reader types; a block of Python is run, except the README's, which is a flow file."""
    lines: list[str] = []
    for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "sh":
            lines += [line for line in text.splitlines() if line.strip() not in RUN_ELSEWHERE]
        elif kind == "python":
            done = "cat > hello.py" if page.name == "README.md" else "python -"
            lines += [f"{done} <<'PYTHON'", *text.splitlines(), "PYTHON"]
    return lines


def script(page: Path, target: Target) -> str:
    """Return a page's commands, with the reader's own values filled in."""
    text = "\n".join(commands_of(page))
    for reader, ours in {
        "https://windmill.example.com": target.host,
        "WINDMILL_TOKEN=...": f"WINDMILL_TOKEN={target.token}",
        "WINDMILL_WORKSPACE=my-workspace": f"WINDMILL_WORKSPACE={target.workspace}",
    }.items():
        text = text.replace(reader, ours)
    return text


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE + 30)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_work_as_they_stand(page: Path, windmill: Target, tmp_path: Path) -> None:
    if page.name in ELSEWHERE:
        pytest.skip(f"run by {ELSEWHERE[page.name]}")
    commands = script(page, windmill)
    if not commands.strip():
        pytest.skip("no commands on this page")
    shutil.copytree(ROOT / "examples", tmp_path / "work")
    home = tmp_path / ".local" / "share" / "metaflow-windmill"  # where a server of the reader's own leaves it
    home.mkdir(parents=True)
    (home / "token").write_text(windmill.token)
    ours = ("METAFLOW_", "WM_", "WINDMILL_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment = {
        **kept,
        "WINDMILL_HOST": windmill.host,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "METAFLOW_USER": "reader",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path / "store"),
    }
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", commands],
        cwd=tmp_path / "work",
        env=environment,
        capture_output=True,
        text=True,
        timeout=patient(PATIENCE),
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


LASTING = {
    "https://keepachangelog.com/en/1.1.0/",
    "https://metaflow.org",
    "https://semver.org",
    "https://semver.org/",
    "https://windmill.dev",
}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "ARCHITECTURE.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{page.name} links to what is not there: {', '.join(missing)}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "ARCHITECTURE.md"], ids=lambda page: page.name)
def test_links_to_the_web_lead_to_places_that_last(page: Path) -> None:
    """No test reaches the web: so it is the front pages of what this project stands on, and nothing below."""
    found = re.findall(r"\]\((https?:[^)]+)\)", page.read_text(encoding="utf-8"))
    assert {*found} <= LASTING, page.name
