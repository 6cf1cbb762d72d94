from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.workspace import make_wheel

from metaflow_windmill.errors import DeployError
from metaflow_windmill.workspace.compiling.environments import (
    cache_folder,
    environment_for,
    find_uv,
    own_environment,
)
from metaflow_windmill.workspace.compiling.repository_requirements import Requirements

NEEDED = Requirements(("tinyword>=1",), "requirements.txt")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_wheel(tmp_path / "wheels")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    return tmp_path / "cache"


def python(program: Path, code: str) -> str:
    return subprocess.run(
        [str(program), "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_no_requirements_are_the_jobs_own_python() -> None:
    own = environment_for(Requirements())
    assert own == own_environment()
    assert own.python == Path(sys.executable)
    assert any((Path(folder) / "metaflow_windmill").is_dir() for folder in own.search)


def test_an_environment_is_made_once_and_has_both(cache: Path) -> None:
    made = environment_for(NEEDED, cache)
    assert made.installed
    assert made.pins == ("tinyword==1.2",)
    assert python(made.python, "import tinyword, metaflow_windmill, metaflow; print(tinyword.WORD)") == "tiny"
    again = environment_for(NEEDED, cache)
    assert not again.installed
    assert (again.python, again.pins) == (made.python, made.pins)


def test_what_the_repository_asks_for_comes_before_what_the_job_has(cache: Path, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "certifi", "9999.1", "WHERE = 'the repository'\n")
    made = environment_for(Requirements(("certifi==9999.1",), "requirements.txt"), cache)
    assert python(made.python, "import certifi; print(certifi.WHERE)") == "the repository"


def test_two_at_once_make_it_once(cache: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: environment_for(NEEDED, cache), range(2)))
    assert sorted(item.installed for item in made) == [False, True]


def test_what_was_left_half_made_is_made_anew(cache: Path) -> None:
    place = environment_for(NEEDED, cache).python.parents[2]
    (place / "ready").unlink()
    (place / "venv" / "bin" / "python").unlink()
    made = environment_for(NEEDED, cache)
    assert made.installed
    assert python(made.python, "import tinyword; print(tinyword.WORD)") == "tiny"


def test_what_cannot_be_installed_is_told_and_leaves_nothing(cache: Path) -> None:
    with pytest.raises(
        DeployError, match=r"(?s)requirements of requirements\.txt cannot be installed.*no-such-package"
    ):
        environment_for(Requirements(("no-such-package==1",), "requirements.txt"), cache)
    assert [path for path in cache.iterdir() if path.is_dir() and path.name != "uv"] == []


def test_another_python_is_refused_with_what_to_do(cache: Path) -> None:
    with pytest.raises(DeployError, match=r"asks for Python >=3\.99, and this job runs"):
        environment_for(Requirements((), "flow.py", ">=3.99"), cache)
    with pytest.raises(DeployError, match="not a version"):
        environment_for(Requirements((), "flow.py", "three"), cache)
    assert environment_for(Requirements((), "flow.py", ">=3.8"), cache) == own_environment()


def test_an_installer_gets_no_token(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at what the packages' own code would see: a stand-in for uv writes its environment down."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "uv").write_text(f'#!/bin/sh\nenv >>{tmp_path}/seen\nexec {find_uv()} "$@"\n')
    (programs / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("WM_TOKEN", "the-token")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-key")
    environment_for(NEEDED, cache)
    seen = (tmp_path / "seen").read_text()
    assert "UV_CACHE_DIR" in seen
    assert "the-token" not in seen
    assert "the-key" not in seen


def test_a_cache_that_others_may_write_is_not_trusted(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    with pytest.raises(DeployError, match="nothing in it is trusted"):
        environment_for(NEEDED, cache)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("METAFLOW_WINDMILL_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own" / "environments"


def test_what_nobody_uses_any_more_is_removed(cache: Path) -> None:
    old = environment_for(NEEDED, cache).python.parents[2]
    os.utime(old / "ready", (0, 0))
    environment_for(Requirements(("tinyword==1.2",), "requirements.txt"), cache)
    assert not old.exists()
    assert environment_for(NEEDED, cache).installed
