"""What a real Windmill was seen to do, asked of the embedded server by the programs that recorded it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.elsewhere import elsewhere, some_server
from tests.support.server import quick_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.server import Server

RECORDED = Path(__file__).parents[2].parent / "shared" / "conformance"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not RECORDED.exists(), reason=f"the recordings are not beside the repository: {RECORDED}"
    ),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("conformance")
    # what is recorded is of the engine and the API: jobs that start fast make it much cheaper
    with some_server(directory) if elsewhere() else quick_server(directory) as running:
        yield running


def recorded_cases() -> int:
    return sum(not file.name.startswith("program-") for file in (RECORDED / "recordings").glob("*.json"))


def recorded_programs() -> int:
    return len(list((RECORDED / "recordings").glob("program-*.json")))


def recorded_exchanges() -> int:
    return len(json.loads((RECORDED / "exchanges.json").read_text()))


DIFFERS = {
    "cases": {"step_killed"},  # isolated jobs tell an exit code, 137; the recording was made without
    "exchanges": {"whoami", "flow create unknown folder"},  # a superadmin's role and rights
}
"""What may differ on a Windmill elsewhere, by its workers' set-up and by who asks."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("program", "more", "recorded"),
    [
        ("run.py", ["--jobs", "12"], recorded_cases),
        ("run.py", ["--jobs", "12", "--programs"], recorded_programs),
        ("exchanges.py", [], recorded_exchanges),
    ],
    ids=["cases", "programs", "exchanges"],
)
def test_the_recordings_hold(
    server: Server, program: str, more: list[str], recorded: Callable[[], int], request: pytest.FixtureRequest
) -> None:
    command = [sys.executable, str(RECORDED / program), "--url", server.url, "--token", server.token, *more]
    command += ["--workspace", server.workspace]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    *lines, last = ran.stdout.splitlines()
    different = {re.split(r"[.:]", line)[0] for line in lines}
    allowed = DIFFERS.get(request.node.callspec.id, set()) if elsewhere() else set()
    assert different <= allowed, ran.stdout + ran.stderr
    assert recorded() > 0
    assert last == f"{recorded() - len(different)} passed, {len(different)} failed", ran.stderr
    assert ran.returncode == bool(different)
