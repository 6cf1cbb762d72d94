"""What Python and a notebook show of a run, and how it is awaited; a real one is in the end-to-end tests."""

from __future__ import annotations

import asyncio
from typing import Any

from metaflow_extensions.windmill.plugins.windmill_deployer_objects import WindmillTriggeredRun
from metaflow_windmill.errors import Unreachable


class Run(WindmillTriggeredRun):
    """A run whose server is not asked: it tells its states one after the other, then nothing."""

    windmill_ui = "https://windmill.example.com/run/1?workspace=a&b"

    def __init__(self, *states: str) -> None:
        self.pathspec, self.states = "Flow/windmill-1", list(states)

    @property
    def status(self) -> str:
        if not self.states:
            raise Unreachable("no answer")
        return self.states.pop(0)

    def wait_for_completion(self, check_interval: float = 0, timeout: float | None = None) -> None:
        super().wait_for_completion(0, timeout)


def test_a_run_is_shown_by_name_without_asking_anybody() -> None:
    assert repr(Run()) == "<WindmillTriggeredRun Flow/windmill-1>"


def test_a_notebook_shows_the_state_and_the_page() -> None:
    page = "https://windmill.example.com/run/1?workspace=a&amp;b"
    run = Run("RUNNING", "SUCCEEDED")
    assert run._repr_html_() == f'<a href="{page}">Flow/windmill-1</a> is RUNNING'
    assert run._repr_html_() == f'<a href="{page}">Flow/windmill-1</a> is SUCCEEDED'
    assert run._repr_html_() == "&lt;WindmillTriggeredRun Flow/windmill-1&gt;"


def test_a_run_is_awaited_while_other_things_go_on() -> None:
    async def both(run: Any) -> tuple[Any, str]:
        return await asyncio.gather(run, asyncio.sleep(0, "meanwhile"))

    run = Run("PENDING", "RUNNING", "SUCCEEDED")
    assert tuple(asyncio.run(both(run))) == (run, "meanwhile")
