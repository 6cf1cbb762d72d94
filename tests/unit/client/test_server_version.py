"""What a server says of its version, for versions that exist."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.answering import Answering

from metaflow_windmill.client.server_version import ServerVersion, read_version, version_of
from metaflow_windmill.client.transport import Response
from metaflow_windmill.errors import Unreachable


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("CE v1.788.0", (1, 788, 0)),
        ("EE v1.600.3\n", (1, 600, 3)),
        ("CE v1.789.0-28-g944ad1083a", (1, 789, 0)),
        ("CE v1.788.0-metaflow-windmill", (1, 788, 0)),
        ("v0.1.0", (0, 1, 0)),
    ],
)
def test_what_servers_say(said: str, numbers: tuple[int, ...]) -> None:
    assert read_version(said) == ServerVersion(said.strip(), numbers)


@pytest.mark.parametrize("said", ["", "<html>", "CE unknown-version"])
def test_what_says_no_version(said: str) -> None:
    assert read_version(said) is None


@pytest.mark.parametrize(
    "answer", [Response(403, b"Permission denied"), Response(404, b""), Unreachable("no answer")]
)
def test_a_version_that_cannot_be_had_is_none(answer: Any) -> None:
    assert version_of(Answering({"GET /version": answer}).windmill) is None
