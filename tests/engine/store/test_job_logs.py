"""The files of the jobs' logs, with secrets hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.devserver.store.job_logs import Logs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "logs")


def test_no_log_is_an_empty_log(logs: Logs) -> None:
    assert logs.read("job") == ""
    assert logs.size("job") == 0
    assert logs.part("job", 3, whole=True) == ("", 3)
    logs.seal("job")
    assert not logs.path("job").exists()


def test_parts_end_with_whole_lines_until_the_end(logs: Logs) -> None:
    logs.append("job", "één\ntw")
    first, offset = logs.part("job", 0, whole=False)
    assert first == "één\n"
    assert logs.part("job", offset, whole=False) == ("", offset)
    logs.append("job", "o\nthree")
    assert logs.part("job", offset, whole=True)[0] == "two\nthree"
    assert logs.read("job", offset) == "two\nthree"


def test_a_secret_that_contains_another_is_hidden_whole(logs: Logs) -> None:
    logs.mask("job", "password")
    logs.mask("job", "password-long")
    logs.mask("job", "short")
    logs.append("job", "password-long password short\n")
    assert logs.read("job") == "****** ****** short\n"


def test_other_jobs_may_say_it(logs: Logs) -> None:
    logs.mask("job", "password")
    logs.append("other", "password\n")
    assert logs.read("other") == "password\n"


def test_a_sealed_log_needs_no_masks(logs: Logs, tmp_path: Path) -> None:
    logs.mask("job", "password")
    logs.append("job", "the password\n")
    logs.seal("job")
    assert Logs(tmp_path / "logs").read("job") == "the ******\n"
