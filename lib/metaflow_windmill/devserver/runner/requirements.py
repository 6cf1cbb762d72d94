"""The packages of a script, resolved by uv into a cache that all workers share: for the isolated mode."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from metaflow_windmill.devserver.model import Code

HEADER = re.compile(r"^#\s*(?:extra[_-])?requirements:\s*$", re.IGNORECASE)
LINE = re.compile(r"^#\s?(\S+)\s*$")
PYTHON = re.compile(r"^#\s*py:?\s*(?:[=>]=)?\s*(3\.\d+)", re.MULTILINE)
SECONDS = 600


@dataclass(frozen=True)
class Wanted:
    """What a script needs: requirement lines, whether they are complete, and the Python version it names."""

    lines: tuple[str, ...] = ()
    locked: bool = False
    python: str | None = None

    @property
    def key(self) -> str:
        """The name of this set in the cache."""
        text = "\n".join((*self.lines, str(self.locked), self.python or "", sys.version))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def wanted(code: Code) -> Wanted:
    """Return what a script needs, from its lock or else from its ``# requirements:`` lines."""
    if code.lock:
        lines = [line.strip() for line in code.lock.splitlines()]
        pins = tuple(line for line in lines if line and not line.startswith(("#", "-")))
        return Wanted(pins, locked=True, python=_python(code.lock))
    return Wanted(declared(code.content), python=_python(code.content))


def declared(content: str) -> tuple[str, ...]:
    """Return the requirements that a script declares: one token a line below ``# requirements:``."""
    lines = iter(content.splitlines())
    for line in lines:
        if HEADER.match(line):
            break
    found = []
    for line in lines:
        match = LINE.match(line)
        if match is None:
            break
        found.append(match[1])
    return tuple(found)


def _python(text: str) -> str | None:
    match = PYTHON.search(text)
    return match[1] if match else None


def installed(need: Wanted, cache: Path) -> Path | None:
    """Return the folder that holds the packages, installed if nobody has; None where none are needed.

    Raises
    ------
    ServerError
        If uv is missing or cannot install them.
    """
    if not need.lines:
        return None
    folder = cache / "requirements" / need.key
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            _install(need, Path(made))
            _keep(Path(made) / "site", folder)
    return folder


def _install(need: Wanted, made: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise ServerError("--isolated needs uv to install what scripts require: install uv and start again")
    (made / "requirements.txt").write_text("\n".join(need.lines) + "\n", encoding="utf-8")
    command = [uv, "pip", "install", "--quiet", "--target", str(made / "site"), "--python", sys.executable]
    command += ["-r", str(made / "requirements.txt"), *(["--no-deps"] if need.locked else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as why:
        raise ServerError(f"uv did not install {', '.join(need.lines)} within {SECONDS} s") from why
    if done.returncode:
        raise ServerError(f"uv could not install {', '.join(need.lines)}: {done.stderr.strip()[-2000:]}")


def _keep(made: Path, folder: Path) -> None:
    """Put the finished folder in place; another worker may have been faster, with the same content."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.exists():
            raise
