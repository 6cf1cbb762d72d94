"""Random programs that were run on a real Windmill 1.788, replayed on the embedded server."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.fuzz.seen import Api, differences
from tests.support.server import quick_server

RECORDED = sorted((Path(__file__).parent / "recordings").glob("*.json"))


@pytest.mark.slow
def test_recorded_programs_become_what_they_became_there(tmp_path: Path) -> None:
    assert RECORDED
    with quick_server(tmp_path) as server, ThreadPoolExecutor(4) as pool:
        here = Api(server.url, server.token)
        told = list(pool.map(lambda file: differing(here, file), RECORDED))
    assert [line for lines in told for line in lines] == []


def differing(here: Api, file: Path) -> list[str]:
    """Return where the embedded server differs from what is recorded of a program."""
    recorded = json.loads(file.read_text())
    # the path that the program had when it was recorded: the tree names it
    became = here.ran(recorded, recorded["became"]["path"])
    return [f"{file.stem}{line}" for line in differences(recorded["became"], became)]
