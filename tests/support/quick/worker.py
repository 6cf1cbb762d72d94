"""A worker that forks its jobs; see `metaflow_windmill.devserver.runner.worker` for all the rest.

A job has a process, a session, a directory and an environment of its own, and runs the same wrapper. It saves
the start of an interpreter, which costs several times what a small job does. For engines to be looked at, not
for runtimes: the modules that this worker has imported are there already.
"""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from metaflow_windmill.devserver.runner.process import UMASK, Launch, spawned
from metaflow_windmill.devserver.runner.worker import main

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from metaflow_windmill.devserver.runner.process import Started

WRAPPER = "wrapper.py"


@dataclass
class Forked:
    """The number of a child, and its status once it was awaited."""

    pid: int
    returncode: int | None = None


def forked(
    command: Sequence[str], directory: Path, environment: dict[str, str], output: IO[bytes]
) -> Started:
    """Run a script by a child of this process; anything else is started as ever. Implements `Launch`."""
    if command[-1] != WRAPPER:
        return spawned(command, directory, environment, output)
    pid = os.fork()
    if pid:
        return Forked(pid)
    os._exit(_run(directory, environment, output.fileno()))


def _run(directory: Path, environment: dict[str, str], output: int) -> int:
    """Become the job, run it, and return its exit status."""
    status = 1
    try:
        os.setsid()
        os.umask(UMASK)
        _redirect(output)
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv, sys.path[0] = [WRAPPER], str(directory)
        sys.path[1:1] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
        runpy.run_path(WRAPPER, run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the child must not go on as a worker
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return status


def _redirect(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in ((0, nothing), (1, output), (2, output)):
        os.dup2(file, number)


_: Launch = forked

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], forked))
