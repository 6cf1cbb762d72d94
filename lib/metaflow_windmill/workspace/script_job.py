"""The Windmill job that this runs in: its server, its user, and its token, taken out of everybody's sight."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.client.retrying import PATIENT, Retrying
from metaflow_windmill.client.sdk import WmillTransport
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.errors import MetaflowWindmillError
from metaflow_windmill.package.body.token import take_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from metaflow_windmill.client.transport import Transport
    from metaflow_windmill.gitsource import Redactor

ALLOW_FILE = "METAFLOW_WINDMILL_ALLOW_FILE_REPOSITORIES"


@dataclass(frozen=True)
class ScriptJob:
    """What a script of the workspace works with.

    Parameters
    ----------
    windmill : Windmill
        The workspace, with the rights of the job's user.
    transport : Transport
        What carries its requests, for calls that `windmill` does not have.
    base_url : str
        Of Windmill's pages.
    username : str
        The job's user, as Metaflow takes it for a user.
    say : callable
        Takes a line for the job's log.
    allow_file : bool
        Whether ``file://`` repositories are read: only where an administrator said so.
    """

    windmill: Windmill
    transport: Transport
    base_url: str
    username: str
    say: Callable[[str], None]
    allow_file: bool = False


def open_job(say: Callable[[str], None]) -> ScriptJob:
    """Return this job, and take its token out of the process's environment.

    Afterwards neither a child nor a neighbour of the same user finds the token there.

    Raises
    ------
    Unauthorized
        If this is not a Windmill job.
    """
    transport = _own_transport()
    return job_with(transport, transport.workspace, say)


@lru_cache(maxsize=1)
def _own_transport() -> WmillTransport:
    """Return the job's transport: a preprocessor and the script after it share a process and its token."""
    transport = WmillTransport()
    take_token()
    return transport


def job_with(transport: Transport, workspace: str, say: Callable[[str], None]) -> ScriptJob:
    """Return a job that works by the given transport."""
    patient = Retrying(transport, PATIENT)
    return ScriptJob(
        windmill=Windmill(patient, workspace),
        transport=patient,
        base_url=os.environ.get("WM_BASE_URL", ""),
        username=_metaflow_user(os.environ.get("WM_USERNAME", "")),
        say=say,
        allow_file=allows_files(),
    )


def allows_files() -> bool:
    """Return whether an administrator lets ``file://`` repositories be read."""
    return os.environ.get(ALLOW_FILE, "") == "1"


@contextmanager
def guarded(job: ScriptJob, redactor: Redactor) -> Iterator[ScriptJob]:
    """Give the job with a log that shows no secret, and take secrets out of the errors that come by."""
    try:
        yield replace(job, say=lambda line: job.say(redactor.text(line)))
    except MetaflowWindmillError as why:
        why.args = tuple(redactor.text(item) if isinstance(item, str) else item for item in why.args)
        raise why from None


def hide_arguments(redactor: Redactor, file: Path | None = None) -> None:
    """Take secrets out of the file in which Windmill gave this job its arguments.

    It was read before the script began. A resource stands in it with its secrets filled in, and
    a program of the same user could find it in the job's directory.
    """
    place = file or Path("args.json")
    try:
        arguments = json.loads(place.read_text(encoding="utf-8"))
        place.write_text(json.dumps(redactor.json(arguments)), encoding="utf-8")
    except (OSError, ValueError):
        return


def _metaflow_user(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.@+-]+", "-", name).strip("-.") or "windmill"
