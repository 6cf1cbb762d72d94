"""Datastores: local ones, good and bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.errors import DeployError
from metaflow_windmill.workspace.doctor.store import (
    Probe,
    access_finding,
    place_finding,
    planted,
    read,
    shared_finding,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.metaflow


def local(path: Path) -> StoreInfo:
    return StoreInfo("local", str(path))


def test_a_local_datastore_is_for_workers_of_the_same_machine() -> None:
    store = StoreInfo("local", "/data/.metaflow")
    near, far = place_finding(store, same_machine=True), place_finding(store, same_machine=False)
    assert near.said == far.said == "local at /data/.metaflow"
    assert (near.state, far.state) == ("ok", "warn")
    for finding in (near, far):
        assert finding.advice.startswith("Every worker must see /data/.metaflow under this very path.")
    assert "object store" in far.advice
    s3 = place_finding(StoreInfo("s3", "s3://b/x"), same_machine=False)
    assert (s3.state, s3.said, s3.advice) == ("ok", "s3 at s3://b/x", "")


def test_a_probe_goes_and_takes_the_folders_made_for_it(tmp_path: Path) -> None:
    store = local(tmp_path / "a" / "b")
    with planted(store) as probe:
        assert read(store, probe.name) == probe.text
        assert shared_finding(store, probe).state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "flow").write_text("kept", encoding="utf-8")
    finding = access_finding(local(tmp_path))
    assert finding.state == "ok"
    assert finding.said.startswith("A probe was written, read back and removed in ")
    assert [path.name for path in tmp_path.iterdir()] == ["flow"]


def test_a_probe_goes_when_something_breaks(tmp_path: Path) -> None:
    store = local(tmp_path / "new")

    def interrupted() -> None:
        with planted(store):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    finding = access_finding(local(tmp_path / "file" / "store"))
    assert finding.state == "bad"
    assert f"{tmp_path}/file/store cannot be written (NotADirectoryError" in finding.said
    assert finding.advice.startswith(f"Make {tmp_path}/file/store a directory")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "x"


def test_a_datastore_that_another_machine_does_not_share(tmp_path: Path) -> None:
    finding = shared_finding(local(tmp_path), Probe("doctor-elsewhere", "x"))
    assert finding.state == "bad"
    assert "is not what it is on the machine that asks" in finding.said
    assert finding.advice.startswith("Mount the same directory")


def test_a_datastore_that_does_not_exist() -> None:
    with pytest.raises(DeployError, match="There is no datastore 'ftp'"):
        read(StoreInfo("ftp", "ftp://x"), "y")
