"""Jobs of a tree, as short as tests can say them."""

from __future__ import annotations

from typing import Any

from metaflow_windmill.devserver.store.trees import Twig

SECOND = 1_000_000


def twig(
    job: str, state: str = "success", parent: str | None = None, step: int | None = None, **more: Any
) -> Twig:
    """Return a job: queued, running, or ended in the way that its state says; times are in seconds."""
    is_live = state in ("queued", "running")
    began = more.pop("began", None if state == "queued" else 0)
    ended = more.pop("ended", None if is_live else 1)
    told = {
        "id": job,
        "parent": parent,
        "kind": "flowscript",
        "state": state if is_live else "completed",
        "outcome": None if is_live else state,
        "for_worker": True,
        "tag": "python3",
        "step": step,
        "step_id": None,
        "iteration": None,
        "attempt": 0,
        "scheduled_for": 0,
        "created_at": 0,
        "started_at": None if began is None else began * SECOND,
        "completed_at": None if ended is None else ended * SECOND,
        **more,
    }
    return Twig(**told)


def part(
    job: str, state: str = "running", parent: str | None = None, step: int | None = None, **more: Any
) -> Twig:
    """Return a job that the engine runs itself: a flow or a part of one."""
    return twig(job, state, parent, step, **{"kind": "flow", "for_worker": False, **more})
