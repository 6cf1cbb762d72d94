"""Runs git with nothing of the machine's own configuration, under a time limit and limits of size."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.errors import GitSourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OLDEST = (2, 31)
"""The first version that takes configuration from GIT_CONFIG_COUNT."""

MAX_OUTPUT = 32 * 1024 * 1024
_TICK = 0.02
_PASSED_ON = (
    "PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR",
)  # fmt: skip

SAFE_CONFIGURATION = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", os.devnull),
    ("core.excludesFile", os.devnull),
    ("core.autocrlf", "false"),
    ("core.symlinks", "true"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("credential.helper", ""),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("transfer.bundleURI", "false"),
    ("advice.detachedHead", "false"),
    ("protocol.version", "2"),
    # A redirect could carry the token to another host.
    ("http.followRedirects", "false"),
)


@dataclass(frozen=True)
class GitLimits:
    """How much a repository may cost.

    Parameters
    ----------
    seconds : float
        For all of one look-up, or all of one checkout.
    megabytes : int
        Of what is downloaded, and again of what is checked out.
    files : int
        In the commit.
    """

    seconds: float = 300.0
    megabytes: int = 500
    files: int = 50_000

    @property
    def bytes(self) -> int:
        """Return the limit of size in bytes."""
        return self.megabytes * 1024 * 1024


class GitFailed(Exception):
    """Git ended with an error: its exit status and what it said, not yet fit for a person."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


def environment(home: Path, configuration: Iterable[tuple[str, str]], protocol: str) -> dict[str, str]:
    """Return the whole environment of a git process.

    Parameters
    ----------
    home : Path
        A private, empty directory.
    configuration : iterable of (str, str)
        On top of `SAFE_CONFIGURATION`. Here, and never in an argument, go secrets: other users
        of the machine see a process's arguments, but not its environment.
    protocol : str
        The only one that git may speak.
    """
    pairs = [*SAFE_CONFIGURATION, *configuration]
    numbered = {f"GIT_CONFIG_KEY_{index}": key for index, (key, _) in enumerate(pairs)}
    numbered |= {f"GIT_CONFIG_VALUE_{index}": value for index, (_, value) in enumerate(pairs)}
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **passed,
        **numbered,
        "GIT_CONFIG_COUNT": str(len(pairs)),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_ALLOW_PROTOCOL": protocol,
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }


@dataclass(frozen=True)
class Git:
    """Git, as it is run for one repository.

    Parameters
    ----------
    variables : mapping of str to str
        The whole environment, from `environment`.
    limits : GitLimits
    deadline : float
        Of `time.monotonic`.
    program : str
    """

    variables: Mapping[str, str]
    limits: GitLimits
    deadline: float
    program: str = "git"

    def run(self, *arguments: str, directory: Path, growing: Path | None = None, given: bytes = b"") -> bytes:
        """Run one git command and return its output.

        Parameters
        ----------
        *arguments : str
        directory : Path
            The working directory.
        growing : Path or None
            A directory that the command fills: it may not grow over the limit of size.
        given : bytes
            For its standard input.

        Raises
        ------
        GitFailed
            If it ends with an error.
        GitSourceError
            If there is no git, or a limit is passed; its whole process group is killed then.
        """
        with (
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
            tempfile.TemporaryFile() as source,
        ):
            source.write(given)
            source.seek(0)
            process = self._start(arguments, directory, source.fileno(), out.fileno(), err.fileno())
            try:
                status = self._wait(process, out.fileno(), growing)
            finally:
                _kill(process)
            out.seek(0)
            if status != 0:
                err.seek(0)
                raise GitFailed(status, err.read(MAX_OUTPUT).decode(errors="replace").strip())
            return out.read(MAX_OUTPUT + 1)

    def _start(
        self, arguments: tuple[str, ...], directory: Path, given: int, out: int, err: int
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [self.program, *arguments],
                cwd=directory,
                env=dict(self.variables),
                stdin=given,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except FileNotFoundError as why:
            raise GitSourceError("There is no git on this worker. Install git 2.31 or newer.") from why

    def _wait(self, process: subprocess.Popen[bytes], out: int, growing: Path | None) -> int:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_TICK)
            if time.monotonic() > self.deadline:
                raise GitSourceError(
                    f"The repository could not be read within {self.limits.seconds:g} seconds. Try again; "
                    "if its server is slow, raise the time limit."
                )
            if os.fstat(out).st_size > MAX_OUTPUT:
                raise GitSourceError("The repository's server answers with far too many refs or files.")
            if growing is not None and size_of(growing) > self.limits.bytes:
                raise too_large(self.limits)


def too_large(limits: GitLimits) -> GitSourceError:
    """Return the error for a repository over its limit of size."""
    return GitSourceError(
        f"The repository is larger than {limits.megabytes} MB, its limit of size. "
        "Keep data out of it, or raise the limit."
    )


def size_of(directory: Path) -> int:
    """Return the bytes of all files under a directory that may be changing."""
    total = 0
    for root, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process, if it still runs, and whatever it started: git's helpers would outlive it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def check_version(git: Git, directory: Path) -> None:
    """Refuse a git that would ignore the safe configuration.

    Raises
    ------
    GitSourceError
        If it is older than `OLDEST`.
    """
    said = git.run("version", directory=directory).decode(errors="replace")
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise GitSourceError(
            f"The worker's git is too old ({said.strip()}). Install 2.31 or newer: it takes "
            "configuration from the environment."
        )
