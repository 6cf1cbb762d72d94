"""What a script requires, and where its packages come from in isolated mode."""

from __future__ import annotations

import base64
import hashlib
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.crew import MemoryQueue

from metaflow_windmill.devserver.model import Code
from metaflow_windmill.devserver.runner.requirements import Wanted, installed, wanted
from metaflow_windmill.devserver.runner.supervisor import Crew, Supervisor
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

UV = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
needs_uv = pytest.mark.skipif(UV is None, reason="uv is not installed")


@pytest.mark.parametrize(
    ("content", "lock", "expected"),
    [
        ("def main(): pass", None, Wanted()),
        ("# requirements:\n#a==1\n# b\n\n#c\n", None, Wanted(("a==1", "b"))),
        ("# extra_requirements:\n#a\nimport b", None, Wanted(("a",))),
        ("# py: ==3.11\n# requirements:\n#a b\n", None, Wanted((), python="3.11")),
        ("# requirements:\n#a", "# py: 3.12\nx==1\n--flag\ny==2\n", Wanted(("x==1", "y==2"), True, "3.12")),
        ("# requirements:\n#a", "# py: 3.12\n", Wanted((), True, "3.12")),
    ],
)
def test_a_lock_counts_before_what_the_script_declares(
    content: str, lock: str | None, expected: Wanted
) -> None:
    assert wanted(Code(content, lock=lock)) == expected


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


@needs_uv
def test_packages_are_installed_once(tmp_path: Path, wheel: str) -> None:
    need = Wanted((wheel,))
    first = installed(need, tmp_path / "cache")
    assert first is not None
    (first / "mark").touch()
    assert installed(need, tmp_path / "cache") == first
    assert (first / "mark").exists()
    assert (first / "greetings" / "__init__.py").exists()


@needs_uv
def test_what_cannot_be_installed_is_said(tmp_path: Path) -> None:
    missing = (tmp_path / "missing-1.0-py3-none-any.whl").as_uri()
    with pytest.raises(ServerError, match="could not install missing"):
        installed(Wanted((f"missing@{missing}",)), tmp_path / "cache")
    assert list((tmp_path / "cache" / "requirements").iterdir()) == []


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[MemoryQueue]:
    queue = MemoryQueue()
    supervisor = Supervisor(queue, tmp_path / "server", Crew(1, isolated=True))
    supervisor.start()
    yield queue
    supervisor.stop()


@needs_uv
def test_an_isolated_script_sees_its_packages_and_no_others(jobs: MemoryQueue, wheel: str) -> None:
    content = f"# requirements:\n#{wheel}\nimport greetings\ndef main():\n    return greetings.WORDS\n"
    assert jobs.ended(jobs.add(content), 60).result == "hello from a wheel"
    outside = jobs.ended(jobs.add("import metaflow\ndef main():\n    return 1\n"))
    assert outside.result["error"]["name"] == "ModuleNotFoundError"
