"""What Python and a notebook show of a run, and how it is awaited; a real one is in the end-to-end tests."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.answering import Answering

from metaflow_extensions.windmill.plugins.windmill_triggered_run import WindmillTriggeredRun
from metaflow_windmill.client.site import Site
from metaflow_windmill.errors import Unreachable

JOB = "01a226d7-1212-8fd6-1416-11491f063e42"
PATHSPEC = f"Flow/windmill-{JOB}"
PAGE = f"https://windmill.example.com/run/{JOB}?workspace=admins"


class Run(WindmillTriggeredRun):
    """A run whose server tells its states one after the other, then nothing."""

    def __init__(self, *states: str) -> None:
        deployer: Any = SimpleNamespace(env_vars={})
        super().__init__(deployer, json.dumps({"pathspec": PATHSPEC}))
        answers = [*map(told, states), *[Unreachable("no answer")] * 3]
        transport = Answering({f"GET /jobs_u/get/{JOB}": answers})
        self._site = Site(transport.windmill, "https://windmill.example.com")


def told(state: str) -> dict[str, Any]:
    """Return what Windmill tells of a job in a state."""
    over = {"type": "CompletedJob", "success": state == "SUCCEEDED"}
    waits = {"type": "QueuedJob", "running": state == "RUNNING"}
    return {"id": JOB, **(waits if state in ("PENDING", "RUNNING") else over)}


def test_a_run_is_shown_by_name_without_asking_anybody() -> None:
    assert repr(Run()) == f"<WindmillTriggeredRun {PATHSPEC}>"


def test_another_frontend_shows_the_state_and_the_page() -> None:
    run = Run("RUNNING", "SUCCEEDED")
    assert run._repr_html_() == f'<a href="{PAGE}">{PATHSPEC}</a> is <b>RUNNING</b>'
    assert run._repr_html_() == f'<a href="{PAGE}">{PATHSPEC}</a> is <b>SUCCEEDED</b>'
    assert run._repr_html_() == f"&lt;WindmillTriggeredRun {PATHSPEC}&gt;"


def test_a_run_is_awaited_while_other_things_go_on() -> None:
    async def both(run: Run) -> tuple[Any, str]:
        return await asyncio.gather(run._over(check_interval=0), asyncio.sleep(0, "meanwhile"))

    run = Run("PENDING", "RUNNING", "SUCCEEDED")
    assert tuple(asyncio.run(both(run))) == (run, "meanwhile")


def test_waiting_ends_in_time() -> None:
    with pytest.raises(TimeoutError, match=f"{PATHSPEC} is not over after 0 seconds"):
        Run("RUNNING").wait_for_completion(check_interval=0, timeout=0)
