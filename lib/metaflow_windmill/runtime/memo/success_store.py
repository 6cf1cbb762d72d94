"""Where successes are kept by their keys, and which of them a task may take.

Each is one small object in the flow's datastore, written after the success. Who can write there can write
the artifacts of any run too; still a deployment to production takes only what its own runs made, so that
nothing from a branch gets into production. All others also take what production made.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.contract.known import known
from metaflow_windmill.contract.memo import PRODUCTION, ROOM

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.runtime.position.tasks import Tasks
    from metaflow_windmill.types import Json

_PRODUCTION = "prod"  # metaflow/plugins/project_decorator.py


@dataclass(frozen=True)
class Success:
    """A task that ended well: ``run/step/task``, its attempt, and when it ended, in seconds since 1970."""

    origin: str
    attempt: int
    at: float

    @property
    def run(self) -> str:
        """The id of its run."""
        return self.origin.partition("/")[0]

    @property
    def name(self) -> str:
        """Its name in the run: ``step/task``."""
        return self.origin.partition("/")[2]


def is_production(record: Record) -> bool:
    """Tell whether a deployment is one to production: any but the branches of ``@project``."""
    branch = record.branch
    return branch is None or branch == _PRODUCTION or branch.startswith(f"{_PRODUCTION}.")


def keep(shelf: Tasks, record: Record, key: str, success: Success) -> None:
    """Keep a success for those who may take it, and as the last one of its task."""
    for room in (_own(record), *([PRODUCTION] if is_production(record) else [])):
        shelf.share(_name(room, key), asdict(success))
    shelf.share(_last(record, success.name), asdict(success))


def last(shelf: Tasks, record: Record, name: str) -> Success | None:
    """Return the last success of a task of the deployment, whatever its key, to be compared with."""
    return _success(shelf.shared(_last(record, name)))


def find(
    shelf: Tasks,
    record: Record,
    key: str,
    usable: Callable[[Success], bool],
    expires: int | None = None,
) -> Success | None:
    """Return an earlier success that a task may take, if there is one that is usable and not too old."""
    for room in (_own(record), *([] if is_production(record) else [PRODUCTION])):
        found = _success(shelf.shared(_name(room, key)))
        fresh = found is not None and (expires is None or time.time() - found.at < expires)
        if found is not None and fresh and usable(found):
            return found
    return None


def usable(success: Success, tasks: Tasks) -> bool:
    """Tell whether a success is still there, whole, and one.

    Parameters
    ----------
    success : Success
    tasks : Tasks
        Of its run.
    """
    last = tasks.attempts(success.name)[-1:]
    return last == [success.attempt] and succeeded(tasks, success.name) and tasks.is_whole(success.name)


def succeeded(tasks: Tasks, name: str) -> bool:
    """Tell whether the step's own code ended well: what @catch takes care of is a failure."""
    found = tasks.succeeded(name)
    return found is not None and bool(found.get("_success"))


def _own(record: Record) -> str:
    return hashlib.sha1(record.token.encode(), usedforsecurity=False).hexdigest()[:16]


def _name(room: str, key: str) -> str:
    return f"{ROOM}/{room}/{key[:2]}/{key}.json"


def _last(record: Record, name: str) -> str:
    return f"{ROOM}/{_own(record)}/last/{name}.json"


def _success(written: Json) -> Success | None:
    try:
        return Success(**known(Success, written)) if isinstance(written, dict) else None
    except TypeError:
        return None
