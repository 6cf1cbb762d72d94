"""What a real Windmill was seen to do, asked of the embedded server by the programs that recorded it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.elsewhere import some_server

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    with some_server(tmp_path_factory.mktemp("conformance")) as running:
        yield running


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("program", "last_line"), [("run.py", "87 passed, 0 failed"), ("exchanges.py", "106 passed, 0 failed")]
)
def test_the_recordings_hold(server: Server, program: str, last_line: str) -> None:
    command = [sys.executable, str(RECORDED / program), "--url", server.url, "--token", server.token]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[-1:] == [last_line], ran.stdout + ran.stderr
    assert ran.returncode == 0
