from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.child.hooks import outcome, task_metadata
from metaflow_windmill.runtime.child.task_environment import DUE
from metaflow_windmill.runtime.position.current_job import CurrentJob
from metaflow_windmill.runtime.position.task_ids import UNBOUNDED

if TYPE_CHECKING:
    import pytest

    from metaflow_windmill.types import Json


def node(kind: str, *, gang: bool = False) -> Json:
    return SimpleNamespace(type=kind, parallel_foreach=gang)


def flow(step: str = "next", splits: int | None = None, nodes: int | None = None) -> Json:
    made = SimpleNamespace(_transition=([step], None), _foreach_num_splits=splits)
    if nodes is not None:
        made._parallel_ubf_iter = SimpleNamespace(num_parallel=nodes)
    return made


def test_only_what_the_next_modules_need_is_told() -> None:
    assert outcome(flow(), node("linear")) == {"branch": None, "splits": None}
    assert outcome(flow(), node("end")) == {"branch": None, "splits": None}
    assert outcome(flow("left"), node("split-switch")) == {"branch": "left", "splits": None}
    assert outcome(flow(splits=4), node("foreach")) == {"branch": None, "splits": 4}
    assert outcome(flow(splits=None), node("foreach")) == {"branch": None, "splits": UNBOUNDED}
    assert outcome(flow(nodes=2), node("foreach", gang=True)) == {"branch": None, "splits": 2}


def test_metadata_holds_what_windmill_told_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DUE, raising=False)
    job = CurrentJob(
        id="j", workspace="w", run="r", root="o", step="s", flow_path="f/a/b", page_server="http://p"
    )
    assert task_metadata(job) == {
        "windmill-job-id": "j",
        "windmill-flow-job-id": "r",
        "windmill-root-job-id": "o",
        "windmill-workspace": "w",
        "windmill-flow-path": "f/a/b",
        "windmill-step-id": "s",
        "windmill-job-url": "http://p/run/j?workspace=w",
    }
    assert task_metadata(CurrentJob()) == {}
    monkeypatch.setenv(DUE, "2026-01-01T00:00:00+00:00")
    assert task_metadata(CurrentJob(schedule="f/a/b")) == {
        "windmill-scheduled-for": "2026-01-01T00:00:00+00:00",
        "windmill-schedule-path": "f/a/b",
    }
