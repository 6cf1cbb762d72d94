"""Whether Windmill can run a script: a version runs only once its dependency job has locked its packages.

A version whose job failed stays what the path shows, and a run of the path takes the version before it, or
finds none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.errors import WindmillError

if TYPE_CHECKING:
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.types import Json

SHOWN = 2000
_UNKNOWN = "the dependency job failed, and Windmill tells no reason"


@dataclass(frozen=True)
class Lock:
    """How far a version of a script is.

    Parameters
    ----------
    state : str
    said : str
        The end of the dependency job's log, where it failed.
    """

    state: Literal["ready", "preparing", "failed"]
    said: str = ""


def lock_of(windmill: Windmill, hash_: str) -> Lock:
    """Return whether a version of a script can be run.

    Raises
    ------
    WindmillError
        If that cannot be read.
    """
    status = windmill.script_deployment(hash_)
    errors, job = status.get("lock_error_logs"), status.get("job_id")
    if errors:
        return Lock("failed", _end(errors))
    if status.get("lock") is not None or job is None:
        return Lock("ready")
    ended = windmill.outcome(job)
    if not ended.completed:
        return Lock("preparing")
    return Lock("ready") if ended.success else Lock("failed", _reason(windmill, job, ended.result))


def _reason(windmill: Windmill, job: str, result: Json) -> str:
    error = result.get("error") if isinstance(result, dict) else None
    told = str(error.get("message") or "") if isinstance(error, dict) else ""
    try:
        log = windmill.job_logs(job)
    except WindmillError:
        log = ""
    return _end("\n".join(text for text in (log, told) if text.strip())) or _UNKNOWN


def _end(text: str) -> str:
    return text.strip()[-SHOWN:]
