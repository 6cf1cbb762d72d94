"""A flow's ``windmill`` commands as a person uses them: a terminal's words in, its words out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
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
class Commands:
    """A flow file, its user's home, and the server that the environment names."""

    home: Home
    target: Target
    flow: Path
    top: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, env: Mapping[str, str] | None = None) -> Said:
        """Run ``python flow.py windmill WORDS``."""
        environment = {**self.target.environment, **self.env, **(env or {})}
        line = ("--no-pylint", *self.top, "windmill", *words)
        done = self.home.python(self.flow, *line, env=environment)
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
