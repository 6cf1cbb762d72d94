"""What a machine has, be it a laptop or a worker: versions, programs, and the right time."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from metaflow_windmill import __version__
from metaflow_windmill.workspace.doctor.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = "metaflow-windmill"
LOWEST_PYTHON, ABOVE_PYTHON = (3, 10), (3, 14)
LOWEST = {"metaflow": (2, 19, 23), "wmill": (1, 500)}
ABOVE = {"metaflow": (3,)}

NOTICEABLE_SECONDS = 5.0
UNUSABLE_SECONDS = 300.0
"""Object stores refuse signatures that are off by minutes; Amazon's limit is 15 of them."""

TOOLS = {
    "uv": "Windmill installs the packages of scripts and flows with it. Use Windmill's own worker image, or "
    "install uv there.",
    "git": "f/metaflow/compile_and_deploy reads repositories with it. Use Windmill's own worker image, or "
    "install git there.",
}
_TOOL_SECONDS = 10

LITTLE_SPACE, NO_SPACE = 1024, 100
"""Megabytes: a job writes its packages, its code and what it computes before that is saved."""


def versions() -> dict[str, str | None]:
    """Return the version of each package that matters, None where it is not installed."""
    return {**{name: _version(name) for name in LOWEST}, PACKAGE: __version__}


def machine_findings(installed: Mapping[str, str | None], expected: str = "") -> list[Finding]:
    """Return what is to be said about Python and the packages of this machine.

    Parameters
    ----------
    installed : mapping of str to str or None
        From `versions`.
    expected : str
        The version of metaflow-windmill on the machine that asks; empty where that is this one.
    """
    return [
        python_finding(sys.version_info[:3]),
        *(package_finding(name, installed.get(name)) for name in LOWEST),
        own_finding(installed.get(PACKAGE), expected),
    ]


def python_finding(running: tuple[int, ...]) -> Finding:
    """Return whether Python is one of those that are supported."""
    said = ".".join(map(str, running))
    if LOWEST_PYTHON <= running < ABOVE_PYTHON:
        return Finding("python", "ok", said)
    low, high = (f"3.{minor}" for minor in (LOWEST_PYTHON[1], ABOVE_PYTHON[1] - 1))
    return Finding("python", "bad", f"{said} is not supported.", f"Use Python {low} to {high}.")


def package_finding(name: str, found: str | None) -> Finding:
    """Return whether a package that this one needs is there, and not too old or too new."""
    lowest, above = LOWEST[name], ABOVE.get(name)
    wanted = f"{name}>={dotted(lowest)}" + (f",<{dotted(above)}" if above else "")
    advice = f"Run: pip install '{wanted}'"
    if found is None:
        return Finding(name, "bad", "It is not installed.", advice)
    if numbers(found) < lowest or (above and numbers(found) >= above):
        return Finding(name, "bad", f"{found} does not fit this version of {PACKAGE}.", advice)
    return Finding(name, "ok", found)


def own_finding(found: str | None, expected: str = "") -> Finding:
    """Return which version of this package is here, and whether it is the one that asks."""
    if found is None:
        advice = f"Install it from a clone or a wheel; the package {PACKAGE} of a public index is another."
        return Finding(PACKAGE, "bad", "It is not installed.", advice)
    if expected and found != expected:
        return Finding(
            PACKAGE,
            "warn",
            f"{found} here, and {expected} on the machine that asks.",
            "Run `metaflow-windmill install` there, so that the workspace's scripts follow. Deployed flows "
            "bring their own version and are not touched by this.",
        )
    return Finding(PACKAGE, "ok", found)


def tool_finding(name: str, found: str | None) -> Finding:
    """Return whether a program is there; `found` is its version, None without it."""
    if found is None:
        return Finding(name, "warn", "It is not on the PATH.", TOOLS[name])
    return Finding(name, "ok", found)


def tool_version(name: str) -> str | None:
    """Return the first line of ``NAME --version``, None if the program is not there or does not run."""
    program = shutil.which(name)
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=_TOOL_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().partition("\n")[0]


def disk_finding(folder: str, megabytes: float) -> Finding:
    """Return whether the disk that jobs run on has room.

    Parameters
    ----------
    folder : str
    megabytes : float
        What is free there.
    """
    said = f"{megabytes:,.0f} MB are free at {folder}"
    if megabytes >= LITTLE_SPACE:
        return Finding("disk", "ok", said)
    advice = (
        "Make room on this worker: its caches are what grows (`docker system prune`, or "
        "METAFLOW_WINDMILL_CACHE_MEGABYTES for the code of flows)."
    )
    return Finding("disk", "bad" if megabytes < NO_SPACE else "warn", f"Only {said}.", advice)


def isolation_finding(weakness: str) -> Finding:
    """Return whether a flow that is compiled here can be shut off from all other processes.

    Parameters
    ----------
    weakness : str
        From `metaflow_windmill.process.confined.weakness`.
    """
    if not weakness:
        return Finding("isolation", "ok", "Flows are compiled in a PID namespace of their own.")
    return Finding(
        "isolation",
        "warn",
        f"Flows are compiled among this worker's processes: {weakness}. What they leave running is found and "
        "ended, but until then it can look at processes of the same user.",
        "Let the worker's container make PID namespaces: `privileged: true`, or user namespaces for all.",
    )


def clock_finding(date: str, before: float, after: float) -> Finding:
    """Return how far this machine's clock is from the server's.

    Parameters
    ----------
    date : str
        The header ``Date`` of an answer; servers give whole seconds.
    before, after : float
        This machine's time when the request left and when the answer came, in seconds since the epoch.
    """
    try:
        server = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return Finding("clock", "ok", "The server does not say its time, so it was not compared.")
    # The answer was made at some time between the two, in the second that begins at `server`.
    off = max(before - server - 1, server - after, 0.0)
    if off < NOTICEABLE_SECONDS:
        return Finding("clock", "ok", "The same as the server's, to a few seconds.")
    ahead = "behind" if server > after else "ahead of"
    return Finding(
        "clock",
        "bad" if off >= UNUSABLE_SECONDS else "warn",
        f"This clock is {off:.0f} seconds {ahead} the server's.",
        "Turn on time synchronization (NTP) where the clock is wrong: tokens and signatures of object "
        "stores end early or are refused.",
    )


def numbers(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: (2, 19, 39) of ``2.19.39+local``."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(map(int, match.group().split("."))) if match else ()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def dotted(parts: tuple[int, ...]) -> str:
    """Return a version as it is written."""
    return ".".join(map(str, parts))
