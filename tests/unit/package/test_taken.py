"""What ``@package_sources`` may take in, and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import PackageError
from metaflow_windmill.internals.deploying import PackageSource
from metaflow_windmill.package.taken import check_files, check_sources, remarks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for name in ("flows/train.py", "src/code/model.py", "../outside/model.py", "../repository2/model.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (root / "src/away").symlink_to("../../outside")
    (root / "src/near").symlink_to("code")
    (root / "src/code/link.py").symlink_to("../../../outside/model.py")
    return root


def source(repository: Path, written: str, name: str | None = None) -> PackageSource:
    return PackageSource(written, name, repository / "flows" / written)


@pytest.mark.parametrize(
    "written", ["../src/code", "../src/near", "../src/code/model.py", ".", "../src/not_there"]
)
def test_what_the_repository_has_is_taken(repository: Path, written: str) -> None:
    check_sources([source(repository, written)], repository)


@pytest.mark.parametrize(
    "written",
    [
        "../../outside",
        "../../repository2/model.py",
        "../src/away",
        "../src/away/model.py",
        "../src/near/../../../outside",
        "..//../outside/../outside",
        "/etc",
        "/",
        "/proc/self/cwd/..",
        "../..",
    ],
)
def test_a_source_outside_of_the_repository_is_refused_by_its_name(repository: Path, written: str) -> None:
    with pytest.raises(PackageError, match="outside of the repository") as refused:
        check_sources([source(repository, "../src/code"), source(repository, written, "code")], repository)
    assert repr(written) in str(refused.value)


def test_the_whole_repository_needs_a_name_of_its_own(repository: Path) -> None:
    with pytest.raises(PackageError, match="another one in each clone"):
        check_sources([source(repository, "..")], repository)
    check_sources([source(repository, "..", "all_of_it")], repository)


def test_a_file_in_a_source_that_leads_out_is_refused(repository: Path) -> None:
    code = repository / "src/code"
    check_files([code / "model.py"], repository)
    with pytest.raises(PackageError, match=r"link\.py'.*leads outside of the repository"):
        check_files([code / "model.py", code / "link.py"], repository)


def test_files_that_do_not_come_along_are_told(repository: Path) -> None:
    code, beside = repository / "src/code/model.py", repository / "flows/train.py"
    sources = [source(repository, "../src/code"), source(repository, "../src/not_there")]
    files = {"code/model.py": code}
    nothing, instead = remarks(sources, files, {"code/model.py": beside, "train.py": beside})
    assert "no file to take in at '../src/not_there'" in nothing
    assert "takes in code/model.py, and the folder of the flow has files of the same names" in instead
    assert remarks(sources[:1], files, {"code/model.py": code}) == ()
    many = {f"code/{number}.py": code for number in range(7)}
    assert "code/4.py and 2 more, and" in remarks(sources[:1], many, dict.fromkeys(many, beside))[0]
