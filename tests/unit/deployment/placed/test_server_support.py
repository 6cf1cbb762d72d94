"""What a server's version says, for versions that exist."""

from __future__ import annotations

import pytest

from metaflow_windmill.client.server_version import read_version
from metaflow_windmill.deployment.placed.server_support import check_document, check_server
from metaflow_windmill.errors import DeployError

HOST = "http://windmill"


def test_a_version_that_cannot_be_had_is_no_fault() -> None:
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
