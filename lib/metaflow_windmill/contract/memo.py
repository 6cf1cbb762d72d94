"""What a task is told where an earlier success may stand for it: what its code is, what is not counted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.contract.known import known

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

FORMAT = 1
"""Part of each key: a success is taken only by versions that mean the same by it."""

PARTS = "windmill-memo.json"
"""The file in which an attempt of a task keeps what its key was made of, for `windmill why`."""

ROOM = "_windmill_memo"
"""The folder of a flow's datastore with the successes by key, beside the folders of its runs."""

PRODUCTION = "production"
"""The folder of what deployments to production made, which all deployments of the flow may take."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DURATION = re.compile(r"(\d{1,9})\s*([smhdw]?)")


@dataclass(frozen=True)
class Memo:
    """How the tasks of a step are told from one another.

    Parameters
    ----------
    code : str
        Digest of the step's code and of what it may call in the package.
    package : str
        Digest of all files of the package. It takes the place of `code` where an input may hold an object
        of the user's own code, which brings that code along.
    says : dict of str to str
        Digests of what else was known when the flow was deployed, by what it is: decorators, configs.
    why_whole : str
        Why all of the package counts as the step's code; empty where it does not.
    expires : int or None
        Seconds after which a success is no longer taken.
    ignore : tuple of str
        Artifacts and parameters that are not counted.
    """

    code: str
    package: str
    says: dict[str, str] = field(default_factory=dict)
    why_whole: str = ""
    expires: int | None = None
    ignore: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> Memo:
        """Read what the compiler wrote into a `TaskSpec`."""
        found = known(cls, data)
        return cls(**{**found, "ignore": tuple(found.get("ignore", ()))})


def seconds_of(duration: object) -> int | None:
    """Return the seconds of a duration such as ``90``, ``"90s"``, ``"15m"``, ``"12h"``, ``"7d"`` or ``"2w"``.

    Returns
    -------
    int or None
        None if it is none, or no time at all.
    """
    found = None if isinstance(duration, bool) else _DURATION.fullmatch(str(duration).strip())
    return int(found[1]) * _UNITS[found[2] or "s"] or None if found else None
