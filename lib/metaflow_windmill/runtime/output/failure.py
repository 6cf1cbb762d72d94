"""A task's exception, carried from the child process to Windmill as what it was in the user's code.

Windmill shows a failed job by the class, the message and the traceback of the exception that
ended it. So the parent raises one of the same name, with a traceback through the user's lines.
"""

from __future__ import annotations

import signal
import traceback
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.contract.known import known
from metaflow_windmill.errors import FINAL, RetryNotAllowed, TaskError

if TYPE_CHECKING:
    from types import TracebackType

    from metaflow_windmill.types import Json

MOST_CHARACTERS = 20_000
MOST_FRAMES = 100
_PROVIDER = "plugins/metadata_providers/service.py"
DISALLOW_RETRY = 202  # metaflow.exception.METAFLOW_EXIT_DISALLOW_RETRY


@dataclass(frozen=True)
class TracebackLine:
    """One line of a traceback."""

    file: str
    line: int
    function: str


@dataclass(frozen=True)
class Failure:
    """An exception as plain data.

    Parameters
    ----------
    name, message : str
    frames : tuple of TracebackLine
        Outermost first; they begin in the user's code.
    asking : bool
        Whether it was raised while Metaflow spoke to its metadata service.
    final : bool
        Whether it is one of this project's after which another attempt cannot help; none of the user's is.
    """

    name: str
    message: str
    frames: tuple[TracebackLine, ...] = ()
    asking: bool = False
    final: bool = False

    def to_json(self) -> Json:
        """Return the failure as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Failure:
        """Read what `to_json` wrote."""
        frames = tuple(TracebackLine(**known(TracebackLine, frame)) for frame in data["frames"])
        return cls(data["name"], data["message"], frames, asking=data["asking"], final=data["final"])


def describe(error: BaseException, library: str) -> Failure:
    """Return an exception as plain data.

    Parameters
    ----------
    error : BaseException
    library : str
        The directory of Metaflow: the frames there that lead to the user's code are left out.
    """
    found = traceback.extract_tb(error.__traceback__)
    frames = [TracebackLine(item.filename, item.lineno or 1, item.name) for item in found]
    asking = any(frame.file == f"{library}/{_PROVIDER}" for frame in frames)
    own = tuple(_own(frames, library)[-MOST_FRAMES:])
    final = isinstance(error, RetryNotAllowed)
    return Failure(type(error).__name__, _cut(_message(error)), own, asking=asking, final=final)


def moved(failure: Failure, work: str, root: str) -> Failure:
    """Return a failure whose lines are those of the code package, and not of a task's copy of it."""
    frames = (
        replace(frame, file=root + frame.file.removeprefix(work))
        if frame.file.startswith(f"{work}/")
        else frame
        for frame in failure.frames
    )
    return replace(failure, frames=tuple(frames))


def exception(failure: Failure) -> BaseException:
    """Return an exception to raise, which looks in a job's result like the one that was described."""
    kind = type(failure.name, (Exception,), {"__module__": "builtins"})
    raised: BaseException = kind(failure.message)
    if failure.final:
        vars(raised)[FINAL] = True
    return raised.with_traceback(_traceback(failure.frames))


def ended_badly(status: int, step: str) -> TaskError:
    """Return the error of a child that ended without telling of an exception.

    Parameters
    ----------
    status : int
        The exit status, or the negative number of the signal that ended it.
    step : str
    """
    if status == DISALLOW_RETRY:
        return RetryNotAllowed(f"Step {step!r} exited with status {status}, which says: do not retry.")
    if status >= 0:
        return TaskError(
            f"Step {step!r} left the process with exit status {status} before its end. "
            "Look in the log for who called exit, and raise an exception instead."
        )
    if -status == signal.SIGKILL:
        return TaskError(
            f"Step {step!r} was killed (SIGKILL). Most often it needed more memory than the worker has: "
            "give it a larger worker, or let the step hold less at a time."
        )
    return TaskError(
        f"Step {step!r} was ended by {_signal_name(-status)}. The log may tell more: a crash in native "
        "code prints there if PYTHONFAULTHANDLER=1 is set for the worker."
    )


def took_too_long(step: str, seconds: int | None) -> TaskError:
    """Return the error of a step that its job ended, since it took longer than it may."""
    return TaskError(
        f"Step {step!r} took longer than the {seconds} seconds that it may, and was stopped. Find out what "
        "takes so long, or give it more by @windmill(timeout=...) or @timeout."
    )


def _signal_name(number: int) -> str:
    fault = "a segmentation fault, " if number == signal.SIGSEGV else ""
    try:
        return fault + signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _own(frames: list[TracebackLine], library: str) -> list[TracebackLine]:
    """Leave out what leads to the user's code; keep all where nothing of the user's is left."""
    outside = [index for index, frame in enumerate(frames) if not _within(frame, library)]
    inside = [index for index, frame in enumerate(frames) if frame.file == f"{library}/task.py"]
    start = next((index for index in outside if index > max(inside, default=-1)), None)
    return frames if start is None else frames[start:]


def _within(frame: TracebackLine, library: str) -> bool:
    return frame.file.startswith((f"{library}/", "<frozen "))


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as why:  # noqa: BLE001 (the user's __str__)
        return f"(its message cannot be shown: {type(why).__name__})"


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]} ... (cut; the log has all of it)"


def _traceback(frames: tuple[TracebackLine, ...]) -> TracebackType | None:
    """Make a traceback through lines that ran in another process, by raising at those very lines."""
    made: TracebackType | None = None
    for frame in reversed(frames):
        code = compile("\n" * (frame.line - 1) + "raise LookupError", frame.file, "exec")
        here = None
        try:
            exec(code.replace(co_name=frame.function), {"__name__": "task"})  # noqa: S102 (the line above)
        except LookupError as raised:
            here = raised.__traceback__.tb_next if raised.__traceback__ else None
        if here:
            here.tb_next = made
            made = here
    return made
