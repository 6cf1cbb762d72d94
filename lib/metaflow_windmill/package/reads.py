"""Files that a flow reads while it is loaded: each task loads it too, and has only what the package holds.

Python tells of each file that is opened (``sys.addaudithook``). What a flow's own code opens is
kept until the commands begin; what Metaflow, an installed package or the import of a module opens
for itself is not.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

_CODE = (".py", ".pyc", ".so")
_SYSTEM = ("/dev/", "/etc/", "/proc/", "/run/", "/sys/", "/usr/")
_STANDARD = f"{Path(os.__file__).parent}/"
_INSTALLED = ("/site-packages/", "/dist-packages/")


@dataclass(frozen=True)
class Read:
    """A file that was read, and the line of the flow's code that did it."""

    path: str
    file: str
    line: int


class Recorder:
    """Keeps what is read, until it is told to stop.

    Parameters
    ----------
    folder : str
        Of the flow: code in it is the flow's own.
    library : str
        Of Metaflow.
    """

    def __init__(self, folder: str, library: str) -> None:
        self._folder, self._library = f"{folder}/", f"{library}/"
        self._reads: dict[str, Read] = {}
        self._going = True

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Take one event of Python's; nothing may be raised here."""
        if event == "open" and self._going and arguments and isinstance(arguments[0], str):
            path, mode = arguments[0], arguments[1] if len(arguments) > 1 else None
            if not path.endswith(_CODE) and _only_reads(mode, arguments[-1]):
                with contextlib.suppress(OSError, ValueError):
                    self._keep(str(Path(path).absolute()))

    def stop(self) -> tuple[Read, ...]:
        """Return what was read before; from now on nothing is kept."""
        self._going = False
        return tuple(self._reads.values())

    def _keep(self, path: str) -> None:
        opener = self._opener(path.startswith(self._folder))
        known = path.startswith((*_SYSTEM, _STANDARD)) or any(part in path for part in _INSTALLED)
        if opener is not None and not known and Path(path).is_file():
            name = os.path.relpath(opener.f_code.co_filename, self._folder)
            self._reads.setdefault(path, Read(path, name, opener.f_lineno))

    def _opener(self, beside: bool) -> FrameType | None:  # noqa: FBT001
        """Return the frame of the flow's own code that opens a file, itself or by a library.

        What is beside the flow may be opened by an installed package for it; other places such a package
        knows by itself.
        """
        frame: FrameType | None = sys._getframe(3)  # noqa: SLF001
        while frame is not None:
            file = str(Path(frame.f_code.co_filename).absolute())
            installed = any(part in file for part in _INSTALLED)
            if file.startswith(self._library) or frame.f_code.co_filename.startswith("<frozen importlib"):
                return None
            if file.startswith(self._folder) and not installed:
                return frame
            if not beside and not file.startswith(_STANDARD):
                return None
            frame = frame.f_back
        return None


def _only_reads(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return not set(mode) & set("wax+")
    return isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR) == 0


_recorders: list[Recorder] = []


def watch(program: str) -> None:
    """Begin to keep what the program's code reads; a hook of Python's cannot be taken away again."""
    library = Path(sys.modules["metaflow"].__file__ or "").absolute().parent
    recorder = Recorder(str(Path(program).absolute().parent), str(library))
    _recorders.append(recorder)
    sys.addaudithook(recorder)


def seen() -> tuple[Read, ...]:
    """Return what was read since `watch`, and keep no more."""
    return tuple(read for recorder in _recorders for read in recorder.stop())


def left_out(reads: Iterable[Read], packaged: Iterable[Path]) -> tuple[str, ...]:
    """Return a sentence for each file that was read and that the code package does not hold."""
    held = {path.resolve() for path in packaged}
    return tuple(
        f"{read.file}, line {read.line}, reads {read.path} when the flow is loaded, and the code package "
        "does not hold it: tasks load the flow without it, and fail if it decides on parameters or steps. "
        f"{_advice(read.path)}"
        for read in reads
        if Path(read.path).resolve() not in held
    )


def _advice(path: str) -> str:
    suffix = Path(path).suffix
    beside = f"Put it beside the flow and add --package-suffixes {suffix}" if suffix else "Give it a suffix"
    return f"{beside} before `windmill`, or take it in by a Config or an IncludeFile."
