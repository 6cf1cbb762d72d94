"""What a task imports before the code of its step runs, which each pays for, and what the flow gets."""

from __future__ import annotations

from ast import literal_eval

import pytest
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.oracle import Home
from tests.support.step_jobs import Worker, spec

pytestmark = [pytest.mark.metaflow, of_no_use_elsewhere("it runs the code of a step without a Windmill")]

NOT_NEEDED = {
    "asyncio",
    "charset_normalizer",
    "email.message",
    "http.client",
    "importlib.metadata",
    "metaflow._vendor.yaml",
    "requests",
    "ssl",
    "urllib3",
    "yaml",
}
MOST = 500
"""Modules, of Python's own, of Metaflow and of this project."""


def test_a_task_imports_little_and_its_flow_gets_what_it_asks_for(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    worker = Worker.at(Home(tmp_path_factory.mktemp("loads")), "loads")
    worker.job(spec("start")).ok()
    seen = {name: literal_eval(text) for name, text in worker.seen("start/t")["artifacts"].items()}
    assert NOT_NEEDED & set(seen["loaded"]) == set()
    assert len(seen["loaded"]) <= MOST
    assert seen["stand_ins"] == []
    assert seen["same"] == 1
    assert seen["real"] == [True] * 5
