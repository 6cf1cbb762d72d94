from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.errors import TaskError
from metaflow_windmill.runtime.child.workplace import fill, path_with_python, workplace


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a code package; the working directory is a job's."""
    package = tmp_path / "package"
    (package / "data").mkdir(parents=True)
    (package / "flow.py").write_text("code")
    (package / "data" / "table.csv").write_text("1,2")
    job = tmp_path / "job"
    job.mkdir()
    monkeypatch.chdir(job)
    return package


def test_the_files_of_the_package_are_there_and_what_is_written_is_private(
    root: Path, tmp_path: Path
) -> None:
    store = tmp_path / ".metaflow"
    store.mkdir()
    with workplace(StoreInfo("local", str(store))) as place:
        fill(place, root)
        assert place.work.is_relative_to(Path.cwd())
        assert (place.work / "flow.py").read_text() == "code"
        assert (place.work / "data/table.csv").read_text() == "1,2"
        assert (place.work / ".metaflow").resolve() == store
        (place.work / "written").write_text("by the user")
        (place.work / "flow.py").write_text("changed by the user")
        (place.work / "data" / "table.csv").write_text("changed by the user")
        (place.work / "data" / "new").mkdir()
        (place.work / ".metaflow" / "card").write_text("kept")
    assert list(Path.cwd().iterdir()) == []
    assert sorted(path.name for path in root.iterdir()) == ["data", "flow.py"]
    assert (store / "card").exists()
    assert ((root / "flow.py").read_text(), (root / "data/table.csv").read_text()) == ("code", "1,2")
    assert [path.name for path in (root / "data").iterdir()] == ["table.csv"]


def test_read_only_files_can_be_changed_there_and_what_is_metaflows_is_shared(root: Path) -> None:
    (root / ".mf_code").mkdir()
    (root / "run.sh").write_text("exit 0")
    (root / "run.sh").chmod(0o555)
    (root / "link").symlink_to("data/table.csv")
    with workplace(StoreInfo("s3", "s3://bucket/x")) as place:
        fill(place, root)
        assert (place.work / ".mf_code").resolve() == root / ".mf_code"
        assert (place.work / "run.sh").stat().st_mode & 0o777 == 0o755
        (place.work / "link").write_text("changed")
    assert (root / "data/table.csv").read_text() == "1,2"


def test_local_metadata_of_a_datastore_in_a_cloud_has_a_place(root: Path) -> None:
    with workplace(StoreInfo("s3", "s3://bucket/x")) as place:
        fill(place, root)
        assert (place.work / ".metaflow").is_dir()
        assert not (place.work / ".metaflow").is_symlink()


def test_a_local_datastore_that_is_not_here_is_told(root: Path) -> None:
    with (
        pytest.raises(TaskError, match=r"/nowhere/\.metaflow is not on this worker\. Mount"),
        workplace(StoreInfo("local", "/nowhere/.metaflow")),
    ):
        pass
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root can write everywhere")
def test_a_job_directory_that_cannot_be_written_is_not_used(root: Path) -> None:
    Path.cwd().chmod(0o500)
    with workplace(StoreInfo("s3", "s3://bucket/x")) as place:
        fill(place, root)
        assert not place.work.is_relative_to(Path.cwd())


@pytest.mark.parametrize("name", ["python", "python3.12"])
def test_python_is_the_interpreter_of_the_job(root: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "its bin").mkdir()
    interpreter = tmp_path / "its bin" / name
    interpreter.write_text('#!/bin/sh\necho "it ran $1"\n')
    interpreter.chmod(0o755)
    with workplace(StoreInfo("s3", "s3://bucket/x")) as place:
        fill(place, root)
        path = path_with_python(place, interpreter, "/usr/bin:/bin")
        said = subprocess.check_output(["python", "flow.py"], env={"PATH": path}, text=True)
    assert said == "it ran flow.py\n"
    assert path.endswith(":/usr/bin:/bin")


def test_it_is_empty_until_somebody_needs_the_files_and_filled_once(root: Path) -> None:
    with workplace(StoreInfo("s3", "s3://bucket/x")) as place:
        assert [path.name for path in place.work.iterdir()] == [".metaflow"]
        fill(place, root)
        (place.work / "flow.py").write_text("changed by the user")
        fill(place, root)
        assert (place.work / "flow.py").read_text() == "changed by the user"
