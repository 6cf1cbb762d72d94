"""What a server's version says, for versions that exist."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.answering import Answering

from metaflow_windmill.client.transport import Response
from metaflow_windmill.deployment.placed.server_version import (
    ServerVersion,
    check_document,
    check_server,
    read_version,
    version_of,
)
from metaflow_windmill.errors import DeployError, Unreachable

HOST = "http://windmill"


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
def test_a_version_that_cannot_be_had_is_no_fault(answer: Any) -> None:
    assert version_of(Answering({"GET /version": answer}).windmill) is None
    assert check_server(HOST, None) == ""


def remark(said: str) -> str:
    return check_server(HOST, read_version(said))


def test_a_server_that_throws_locks_away_is_refused() -> None:
    with pytest.raises(DeployError, match=r"is version 1\.586\.9, and 1\.587 or newer is needed"):
        remark("CE v1.586.9")
    with pytest.raises(DeployError, match=r"is version 0\.1\.0"):
        remark("CE v0.1.0")


def test_what_was_never_tried_is_told() -> None:
    assert "this was tried on 1.788 and never on an older one" in remark("CE v1.587.0")
    assert "this was tried on 1.788 and never on an older one" in remark("CE v1.787.9")
    assert remark("CE v1.788.0") == remark("EE v1.788.3") == ""
    assert "the newest that this was tried on is 1.788" in remark("CE v1.789.0")
    assert "the newest that this was tried on is 1.788" in remark("CE v2.0.0")


LOOP = {
    "modules": [
        {"id": "a", "value": {"type": "branchone", "default": [{"value": {"type": "whileloopflow"}}]}}
    ]
}
TEXT = {"modules": [{"id": "a", "value": {"type": "rawscript", "content": "whileloopflow"}}]}


def test_a_recursion_needs_a_server_whose_while_loops_stop() -> None:
    with pytest.raises(
        DeployError, match=r"a step that returns to itself, which needs Windmill 1\.695 or newer"
    ):
        check_document(HOST, read_version("CE v1.694.9"), LOOP)
    check_document(HOST, read_version("CE v1.695.0"), LOOP)
    check_document(HOST, read_version("CE v1.694.9"), TEXT)
    check_document(HOST, None, LOOP)
