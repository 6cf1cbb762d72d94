"""A flow's ``windmill`` commands as a person uses them: a terminal's words in, its words out."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.patience import patient
from tests.support.server import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.deployed import Target
    from tests.support.oracle import Home


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Begun:
    """A command that is not over yet."""

    process: subprocess.Popen[str]
    file: Path

    @property
    def said(self) -> str:
        """What it has written to its standard error so far."""
        return self.file.read_text(encoding="utf-8")

    def until(self, words: str, seconds: float = 90) -> str:
        """Wait until it has said something; return all that it has said."""

        def told() -> bool:
            over = self.process.poll() is not None
            assert words in self.said or not over, self.said
            return words in self.said

        wait_until(told, seconds, f"It never said {words!r}")
        return self.said

    def end(self, seconds: float = 90) -> int:
        """Wait for its end; return its exit status."""
        return self.process.wait(patient(seconds))


@dataclass(frozen=True)
class Commands:
    """A flow file, its user's home, and the server that the environment names."""

    home: Home
    target: Target
    flow: Path
    top: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, env: Mapping[str, str] | None = None) -> Said:
        """Run ``python flow.py windmill WORDS``."""
        done = self.home.python(*self._line(*words), env=self._environment(env))
        return Said(done.returncode, done.stdout, done.stderr)

    def well(self, *words: str, env: Mapping[str, str] | None = None) -> Said:
        """Run a command that must succeed."""
        said = self(*words, env=env)
        assert said.status == 0, said.out + said.err
        return said

    def refused(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command that must fail, plainly; return what it says at its end, on one line."""
        said = self(*words, env=env)
        assert said.status == 1, said
        assert "Traceback" not in said.err, said.err
        assert self.target.token not in said.out + said.err
        return " ".join(said.err.split())

    @contextmanager
    def begun(self, *words: str) -> Iterator[Begun]:
        """Begin ``python flow.py windmill WORDS``; end it with the block if it is not over then."""
        file = self.home.root / "said"
        environment = {**self.home.environment, **self._environment()}
        line = [sys.executable, *map(str, self._line(*words))]
        with (
            file.open("w", encoding="utf-8") as told,
            subprocess.Popen(line, cwd=self.home.root, env=environment, stderr=told, text=True) as process,
        ):
            try:
                yield Begun(process, file)
            finally:
                process.kill()

    def _line(self, *words: str) -> tuple[str | Path, ...]:
        return (self.flow, "--no-pylint", *self.top, "windmill", *words)

    def _environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**self.target.environment, **self.env, **(env or {})}
