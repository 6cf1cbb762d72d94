"""Runs the user's flow file in this process, as ``python flow.py ARGUMENTS`` would."""

from __future__ import annotations

import builtins
import inspect
import json
import os
import sys
import traceback
from dataclasses import dataclass
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.output.failure import describe, moved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow_windmill.runtime.child.workplace import Workplace
    from metaflow_windmill.types import Json

INTERRUPTED = 130


@dataclass(frozen=True)
class JobsOwn:
    """What only the job's own code may import, which the user's may have the same names as.

    Parameters
    ----------
    modules : frozenset of str
    path : tuple of str
        What is left of ``sys.path`` without the job's directory.
    """

    modules: frozenset[str]
    path: tuple[str, ...]


@cache
def jobs_own(root: Path) -> JobsOwn:
    """Find what is the job's own, in the parent: a child would get a copy of the memory of each module.

    Parameters
    ----------
    root : Path
        Of the unpacked code package.
    """
    directory = Path.cwd().resolve()
    kept = (f"{root}/", f"{sys.prefix}/")
    places = ((name, _place(module)) for name, module in sys.modules.items() if name != "__main__")
    own = (name for name, at in places if at.startswith(f"{directory}/") and not at.startswith(kept))
    path = (entry for entry in sys.path if entry and Path(entry).resolve() != directory)
    return JobsOwn(frozenset(own), tuple(path))


@cache
def ready_to_read_source() -> None:
    """Compile what Python finds the source of a step by, in the parent: Metaflow reads that of each step.

    The expression for a token alone takes a child a tenth of what a short task takes.
    """
    inspect.getsource(_place)


def run_flow_file(file: Path, arguments: Sequence[str], root: Path, place: Workplace, own: JobsOwn) -> int:
    """Run a flow file as the main program and return its exit status.

    Parameters
    ----------
    file : Path
        In the task's own copy of the user's files, which the user's imports begin at.
    arguments : sequence of str
    root : Path
        Of the unpacked code package. A failure names the lines there, which stay when the task is over.
    place : Workplace
    own : JobsOwn
    """
    enter(own, place.work)
    return run_as_program(lambda: _execute(file), file, root, place, arguments)


def run_as_program(
    body: Callable[[], None], file: Path, root: Path, place: Workplace, arguments: Sequence[str] = ()
) -> int:
    """Run a function where a flow file is run, and keep what ended it; see `run_flow_file`."""
    os.chdir(place.work)
    sys.argv[:] = [str(file), *arguments]
    status, error = _run(body)
    if status and error is not None:
        library = str(Path(sys.modules["metaflow"].__file__ or "").parent)
        failure = moved(describe(error, library), str(place.work), str(root))
        place.failure.write_text(json.dumps(failure.to_json()), encoding="utf-8")
    return status


def enter(own: JobsOwn, directory: Path) -> None:
    """Let this process be one where a flow file finds its modules, and no longer the job's own."""
    for name in own.modules & sys.modules.keys():
        del sys.modules[name]
    sys.path[:] = own.path
    os.chdir(directory)
    sys.path.insert(0, str(directory))


def _run(body: Callable[[], None]) -> tuple[int, BaseException | None]:
    try:
        body()
    except SystemExit as stop:
        # Metaflow prints what went wrong and exits, inside the handler of the exception.
        return _exit_status(stop.code), stop.__context__
    except KeyboardInterrupt as error:
        return INTERRUPTED, error
    except BaseException as error:  # noqa: BLE001 (as an interpreter does)
        traceback.print_exc()
        return 1, error
    return 0, None


def _execute(file: Path) -> None:
    loader = SourceFileLoader("__main__", str(file))
    main = ModuleType("__main__")
    main.__dict__.update(__file__=str(file), __loader__=loader, __builtins__=builtins)
    main.__dict__.update(_put_into_main())
    # A spawned child of it has the file's classes under the second name, and sends them back so.
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main
    code = loader.source_to_code(loader.get_data(str(file)), str(file))
    exec(code, main.__dict__)  # noqa: S102 (the user's program)


def _put_into_main() -> dict[str, type]:
    """Return the named tuples that Metaflow adds to the main module when it is imported (tuple_util.py)."""
    found = vars(sys.modules["__main__"]).values()
    tuples = [item for item in found if isinstance(item, type) and issubclass(item, tuple)]
    return {item.__name__: item for item in tuples if item.__module__ == "__main__"}


def _exit_status(code: Json) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


def _place(module: ModuleType) -> str:
    file = getattr(module, "__file__", None)
    return str(file or next(iter(getattr(module, "__path__", None) or ()), ""))
