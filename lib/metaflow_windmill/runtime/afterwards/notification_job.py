"""The job that tells people how a run ended: bounded in time, and without a say in how it ended."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from metaflow_windmill.client.answers import passing
from metaflow_windmill.contract.notification import variable_of
from metaflow_windmill.errors import TaskError
from metaflow_windmill.runtime.afterwards.messages import EndedRun, ended_of, post_of
from metaflow_windmill.runtime.child.metaflow_commands import say
from metaflow_windmill.runtime.output.masking import Mask
from metaflow_windmill.runtime.position.task_ids import run_id

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from metaflow_windmill.contract.notification import ChannelKind, Notification
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.runtime.afterwards.messages import Post
    from metaflow_windmill.runtime.position.current_job import CurrentJob
    from metaflow_windmill.types import Json

TRIES = 2
PAUSE_SECONDS = 1.0
CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
SHOWN = 200
"""Bytes of what a receiver answers that are read."""


def notify(record: Record, job: CurrentJob, notification: Notification, error: Json) -> dict[str, Json]:
    """Tell each channel how the run ended.

    Parameters
    ----------
    record : Record
    job : CurrentJob
    notification : Notification
    error : JSON value
        What failed, as Windmill tells it.

    Returns
    -------
    dict
        The run's id, and who was told.

    Raises
    ------
    TaskError
        If one of them was not told. The run stays what it was, and this is seen on its page.
    """
    ended = _ended(record, job, ended_of(error) if notification.failed else None)
    told = {kind: _tell(kind, ended, settings) for kind, settings in notification.channels.items()}
    missed = [f"{kind} ({reason})" for kind, reason in told.items() if reason]
    if missed:
        raise TaskError(
            f"{ended.pathspec} {ended.status}, and not everybody was told of it: {', '.join(missed)}. The "
            "run stays what it was; correct the variable in Windmill that holds the address or the key."
        )
    return {"run_id": ended.run, "notified": list(told)}


def send(post: Post, pause: Callable[[float], None] = time.sleep, seconds: float = READ_SECONDS) -> str:
    """Send a request, again if it may help; return why it was not taken, or nothing.

    Parameters
    ----------
    post : Post
    pause : callable
        ``time.sleep``.
    seconds : float
        How long to wait for an answer.
    """
    host = _host(post.url)
    if not host:
        return "its variable holds no address that begins with http:// or https://"
    reason, again = _try(post, host, seconds)
    for _ in range(TRIES - 1):
        if again:
            pause(PAUSE_SECONDS)
            reason, again = _try(post, host, seconds)
    return reason


def _ended(record: Record, job: CurrentJob, error: dict[str, str] | None) -> EndedRun:
    return EndedRun(
        flow=record.flow,
        run=run_id(job, None),
        path=job.flow_path,
        workspace=job.workspace,
        page=replace(job, id=job.run).page,
        owner=record.owner,
        project=record.project,
        branch=record.branch,
        schedule=job.schedule or None,
        error=error,
    )


def _tell(kind: ChannelKind, ended: EndedRun, settings: dict[str, Json]) -> str:
    """Tell a channel, and say so in the log; return why it did not take it, or nothing."""
    credential = os.environ.get(variable_of(kind), "").strip()
    reason = Mask.of(os.environ).text(send(post_of(kind, ended, credential, settings)))
    what = f"was not told: {reason}" if reason else f"was told that {ended.pathspec} {ended.status}"
    say(f"{kind} {what}.")
    return reason


def _host(url: str) -> str:
    """Return the host of an address, the one part of it that is no secret; nothing if it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in {"http", "https"} else ""


def _try(post: Post, host: str, seconds: float) -> tuple[str, bool]:
    """Send a request once; return why it was not taken, and whether another try may help."""
    import requests

    timeout = (CONNECT_SECONDS, seconds)
    try:
        with requests.post(
            post.url,
            json=post.body,
            headers=post.headers,
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as answer:
            return _verdict(host, answer)
    except requests.Timeout:
        return f"{host} did not answer within {seconds:g} seconds", True
    except requests.RequestException as why:  # whose text may hold the address
        return f"{host} cannot be reached ({type(why).__name__})", True


def _verdict(host: str, answer: requests.Response) -> tuple[str, bool]:
    status = answer.status_code
    if answer.ok and status < 300:  # noqa: PLR2004  (a redirection is not followed: who knows where to)
        return "", False
    words = " ".join(next(answer.iter_content(SHOWN), b"").decode("utf-8", "replace").split())
    return f"{host} answered {status}{words and f': {words}'}", passing(status)
