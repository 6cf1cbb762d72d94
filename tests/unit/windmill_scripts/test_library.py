"""The script that brings the library: it is unpacked once, whole, and only if it is what was packed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from metaflow_windmill.workspace.installing.library import library_script, library_sha

if TYPE_CHECKING:
    from types import ModuleType

FILES = {
    "metaflow_windmill/__init__.py": "WORD = 'travelled'\n",
    "metaflow_windmill/workspace/entry_points.py": "from metaflow_windmill import WORD\n",
    "metaflow_windmill/notes.txt": "zwölf\n",
}


def module_with(folder: Path, text: str) -> ModuleType:
    file = folder / "library.py"
    file.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("travelling_library", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def library(tmp_path: Path) -> Any:
    return module_with(tmp_path, library_script(FILES))


def test_it_is_unpacked_whole_compiled_and_read_only(library: Any, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    place = library.unpacked(cache)
    tag = sys.implementation.cache_tag
    assert place.name == f"{library.VERSION}-{library_sha(FILES)[:16]}-{tag}"
    assert {name: (place / name).read_text(encoding="utf-8") for name in FILES} == FILES
    assert [(place / name).stat().st_mode & 0o222 for name in FILES] == [0, 0, 0]
    compiled = {file.name for file in place.rglob("*.pyc")}
    assert compiled == {f"__init__.{tag}.pyc", f"entry_points.{tag}.pyc"}
    assert list(cache.iterdir()) == [place]


def test_the_second_job_of_a_worker_only_looks(library: Any, tmp_path: Path) -> None:
    place = library.unpacked(tmp_path)
    os.utime(place, (0, 0))
    library.ARCHIVE = "nothing that could be unpacked"
    assert library.unpacked(tmp_path) == place
    assert place.stat().st_mtime > 0


def test_of_two_workers_that_unpack_at_once_the_second_takes_what_the_first_made(
    library: Any, tmp_path: Path
) -> None:
    place = library.unpacked(tmp_path)
    library.unpack(place)
    assert list((tmp_path).glob(f".{place.name}*")) == []
    assert (place / "metaflow_windmill/notes.txt").is_file()


@pytest.mark.parametrize("cut", [0, 8, 40])
def test_what_is_not_what_was_packed_is_refused(library: Any, tmp_path: Path, cut: int) -> None:
    library.ARCHIVE = library.ARCHIVE.strip()[:cut]
    with pytest.raises(library.LibraryError, match="Run `metaflow-windmill install`"):
        library.unpacked(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["library.py"]


def test_a_full_or_closed_cache_says_what_to_do(library: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(library.LibraryError, match="METAFLOW_WINDMILL_CACHE"):
        library.unpack(tmp_path / "file" / "place")


def test_what_nothing_uses_any_more_is_removed(library: Any, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name in ("0.9-old-cpython-311", ".0.9-killed", "0.9-used-cpython-311"):
        (cache / name).mkdir(parents=True)
    for name in ("0.9-old-cpython-311", ".0.9-killed"):
        os.utime(cache / name, (0, 0))
    place = library.unpacked(cache)
    assert {entry.name for entry in cache.iterdir()} == {place.name, "0.9-used-cpython-311"}


def load_in_a_job(folder: Path, *lines: str, **environment: str) -> str:
    """Load the library in an interpreter that has the standard library only."""
    code = "; ".join(("import sys", f"sys.path.append({str(folder)!r})", "import library", *lines))
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_job_with_nothing_installed_imports_it(library: Any, tmp_path: Path) -> None:
    load = ("library.load()", "library.load()", "from metaflow_windmill.workspace.entry_points import WORD")
    cache = {"METAFLOW_WINDMILL_CACHE": str(tmp_path / "cache")}
    said = load_in_a_job(tmp_path, *load, "print(WORD, len(sys.path), len(set(sys.path)))", **cache)
    word, entries, different = said.split()
    assert word == "travelled"
    assert entries == different


def test_the_package_of_another_project_with_this_name_is_not_taken(library: Any, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign" / "metaflow_windmill"
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").write_text("raise SystemExit('somebody else ran')\n")
    path = f"sys.path.insert(0, {str(foreign.parent)!r})"
    cache = {"METAFLOW_WINDMILL_CACHE": str(tmp_path / "cache")}
    said = "from metaflow_windmill import WORD; print(WORD)"
    assert load_in_a_job(tmp_path, path, "library.load()", said, **cache) == "travelled"


def test_what_the_environment_of_the_job_has_is_taken(library: Any, tmp_path: Path) -> None:
    own = tmp_path / "own" / "metaflow_windmill"
    (own / "workspace").mkdir(parents=True)
    (own / "__init__.py").write_text("WORD = 'from the environment'\n")
    (own / "workspace" / "entry_points.py").touch()
    path, said = f"sys.path.append({str(own.parent)!r})", "from metaflow_windmill import WORD; print(WORD)"
    cache = {"METAFLOW_WINDMILL_CACHE": str(tmp_path / "cache")}
    assert load_in_a_job(tmp_path, path, "library.load()", said, **cache) == "from the environment"
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_others_can_write_to_is_not_trusted(library: Any, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    said = load_in_a_job(tmp_path, "library.load()", "print(sys.path[0])", METAFLOW_WINDMILL_CACHE=str(cache))
    assert Path(said).parent.parent == tmp_path
    assert Path(said).parent.name.startswith("metaflow-windmill-")
