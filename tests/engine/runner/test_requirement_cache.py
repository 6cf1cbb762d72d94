"""Where the packages of a job come from, and that it sees no others."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.support.crew import MemoryQueue

from metaflow_windmill.devserver.model import Demand
from metaflow_windmill.devserver.requirements.demand import of_lock
from metaflow_windmill.devserver.runner.requirement_cache import prepare, resolved
from metaflow_windmill.devserver.runner.supervisor import Crew, Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class PlainTools:
    """Runs programs as they are, and keeps what is said."""

    said: list[str] = field(default_factory=list)

    def run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True)

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def wheel(tmp_path: Path) -> str:
    """A tiny package, as a requirement that needs no network."""
    files = {
        "greetings/__init__.py": "WORDS = 'hello from a wheel'\n",
        "greetings-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\n",
        "greetings-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "greetings-1.0.dist-info/RECORD"
    lines = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    path = tmp_path / "greetings-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, record: "\n".join([*lines, f"{record},,\n"])}.items():
            archive.writestr(name, text)
    return f"greetings@{path.as_uri()}"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def test_packages_are_installed_once_with_their_byte_code(tmp_path: Path, wheel: str) -> None:
    demand, tools = Demand((wheel,), locked=True), PlainTools()
    first = prepare(demand, tmp_path / "cache", tools).packages
    assert first is not None
    assert list(first.glob("greetings/__pycache__/*.pyc"))
    assert prepare(demand, tmp_path / "cache", tools).packages == first
    assert tools.said == [f"Installing {wheel}"]


def test_nothing_is_left_of_what_cannot_be_installed(tmp_path: Path) -> None:
    missing = (tmp_path / "missing-1.0-py3-none-any.whl").as_uri()
    with pytest.raises(subprocess.CalledProcessError):
        prepare(Demand((f"missing@{missing}",), locked=True), tmp_path / "cache", PlainTools())
    assert [file.suffix for file in (tmp_path / "cache" / "packages").iterdir()] == [".lock"]


def test_requirements_come_to_a_lock_that_is_remembered_for_a_while(tmp_path: Path, wheel: str) -> None:
    tools = PlainTools()
    lock = resolved(Demand((wheel,)), tmp_path / "cache", tools)
    assert lock.startswith("# py: 3.")
    assert "greetings" in of_lock(lock).lines[0]
    assert resolved(Demand((wheel,)), tmp_path / "cache", tools) == lock
    assert tools.said == [f"Resolving {wheel}"]
    nothing = resolved(Demand(), tmp_path / "cache", tools)
    assert of_lock(nothing) == Demand((), nothing.split()[-1], locked=True)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[MemoryQueue]:
    queue = MemoryQueue()
    supervisor = Supervisor(queue, tmp_path / "server", Crew(1, cache=tmp_path / "cache"))
    supervisor.start()
    yield queue
    supervisor.stop()


def test_a_job_sees_its_packages_and_no_others(jobs: MemoryQueue, wheel: str) -> None:
    content = "import greetings\ndef main():\n    return greetings.WORDS\n"
    with_it = jobs.add(content, demands=(Demand((wheel,), locked=True),))
    assert jobs.ended(with_it, 60).result == "hello from a wheel"
    for module in ("metaflow", "greetings", "pip", "metaflow_windmill", "pytest"):
        outside = jobs.ended(jobs.add(f"import {module}\ndef main():\n    return 1\n"))
        assert outside.result["error"]["name"] == "ModuleNotFoundError", module


def test_the_programs_that_a_job_starts_see_no_others_either(jobs: MemoryQueue) -> None:
    content = (
        "import shutil, subprocess, sys\n"
        "def main():\n"
        "    tried = [sys.executable, shutil.which('python3') or sys.executable]\n"
        "    look = ['-c', 'import metaflow_windmill']\n"
        "    ends = [subprocess.run([one, *look], stderr=-3).returncode for one in tried]\n"
        "    return [*ends, shutil.which('uv') is not None]\n"
    )
    assert jobs.ended(jobs.add(content)).result == [1, 1, True]


def test_a_failure_names_what_to_do_without_an_index(jobs: MemoryQueue, tmp_path: Path) -> None:
    missing = (tmp_path / "missing-1.0-py3-none-any.whl").as_uri()
    failed = jobs.ended(jobs.add("", demands=(Demand((f"missing@{missing}",), locked=True),)))
    message = failed.result["error"]["message"]
    assert "missing-1.0-py3-none-any.whl" in message
    assert "start the server with --shared-environment" in message


def test_a_job_of_dependencies_answers_with_locks(jobs: MemoryQueue, wheel: str) -> None:
    demands = (Demand((wheel,)), Demand(("json@ nonsense",), locked=True))
    good = jobs.ended(jobs.add("", demands=demands[:1], resolves=True), 60)
    assert good.success
    assert of_lock(good.result["lock"]).lines[0].startswith("greetings @ file://")
    assert not jobs.ended(jobs.add("", demands=demands[1:], resolves=True), 60).success
