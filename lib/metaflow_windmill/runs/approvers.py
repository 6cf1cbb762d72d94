"""Who may answer what a run asks, until when, and what Windmill says to those who may not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from metaflow_windmill.types import Json

USUAL_WAIT = 30 * 60
"""Seconds that Windmill waits where a module says nothing else."""
_SELF = "Self-approval is disabled"
_LOGGED_IN = ("Approvals for logged in users", "not the owner")
_GROUPS = "one of the following groups"


def who_may(rules: Mapping[str, Json], missing: int, starter: str | None) -> str:
    """Return who may answer, as the subject of a sentence without its verb.

    Parameters
    ----------
    rules : mapping of str to JSON
        ``suspend`` of the module that waits.
    missing : int
        How many people have to say yes still.
    starter : str or None
        Who started the run.
    """
    groups = (rules.get("user_groups_required") or {}).get("value") or []
    who = f"members of {' or '.join(map(str, groups))}" if groups else "members of the workspace"
    if missing > 1:
        who = f"{missing} more {who}"
    if rules.get("self_approval_disabled"):
        return f"{who} but {starter or 'who started the run'} (and admins)"
    return who


def until_when(rules: Mapping[str, Json], since: datetime | None) -> datetime | None:
    """Return when the run stops to wait, which has waited since some time; None where that is not known."""
    seconds = rules.get("timeout")
    if since is None or not isinstance(seconds, (int, float, type(None))):
        return None
    return since + timedelta(seconds=USUAL_WAIT if seconds is None else seconds)


def why_refused(said: str) -> str | None:
    """Return why Windmill took no answer, by what it says; None where that has to do with no rule."""
    if _SELF in said:
        return "you started this run, and the step says self_approval=False"
    if _GROUPS in said or any(text in said for text in _LOGGED_IN):
        return "you are none of those whom the step asks"
    return None
