"""Jobs as the API shows and lists them, results as expressions and callers find them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.engine_bench import Bench, Shared, arms, bench, flow, loop, static, step

from metaflow_windmill.devserver.expressions.quickjs import QuickJs
from metaflow_windmill.devserver.model import Actor, ScriptCode, Submission
from metaflow_windmill.devserver.store import jobs, results
from metaflow_windmill.devserver.store.jobs import JobFilters

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHERS = Actor("bob", "bob@example.com", "elsewhere")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A server with a few finished and waiting jobs."""
    quickjs = QuickJs()
    with bench(tmp_path_factory.mktemp("jobs"), evaluator=Shared(quickjs)) as made:
        made.run(flow(step("a", inputs={"v": static(1)})), {"n": 1, "deep": {"x": [1, 2]}}, path="f/x/one")
        made.run(flow(step("a", "fail")), path="f/x/two", labels=("red", "big"))
        made.run(
            flow(step("a")), path="f/y/three", schedule_path="f/s/daily", created_by="schedule-f/s/daily"
        )
        made.submit(flow(step("a"), step("b")), path="f/y/four")
        made.settle()
        code = ScriptCode("echo", path="f/x/script")
        made.engine.submit(Submission("script", OTHERS, {}, code.path, code))
        yield made
    quickjs.close()


def listed(stand: Bench, workspace: str = "admins", **filters: Any) -> list[str]:
    return [row["script_path"] for row in jobs.list_jobs(stand.database, workspace, JobFilters(**filters))]


@pytest.mark.parametrize(
    ("filters", "paths"),
    [
        ({"has_null_parent": True}, ["f/y/four", "f/y/three", "f/x/two", "f/x/one"]),
        ({"has_null_parent": True, "oldest_first": True, "per_page": 2}, ["f/x/one", "f/x/two"]),
        ({"has_null_parent": True, "per_page": 3, "page": 2}, ["f/x/one"]),
        ({"is_flow_step": True, "path_start": "f/x/"}, ["f/x/two/a", "f/x/one/a"]),
        ({"path_exact": "f/x/one"}, ["f/x/one"]),
        ({"path_exact": "f/x/on"}, []),
        ({"success": False}, ["f/x/two/a", "f/x/two"]),
        ({"outcome": "success", "kinds": ("flow",)}, ["f/y/three", "f/x/one"]),
        ({"completed": False}, ["f/y/four/a", "f/y/four"]),
        ({"running": True}, ["f/y/four"]),
        ({"running": False, "completed": False}, ["f/y/four/a"]),
        ({"label": "big"}, ["f/x/two"]),
        ({"label": "bi"}, []),
        ({"tag": "python3", "success": True}, ["f/y/three/a", "f/x/one/a"]),
        ({"schedule_path": "f/s/daily", "has_null_parent": True}, ["f/y/three"]),
        ({"created_by": "schedule-f/s/daily", "has_null_parent": True}, ["f/y/three"]),
        ({"args": {"deep": {"x": [2]}}}, ["f/x/one"]),
        ({"result": {"v": 1}, "kinds": ("flow",)}, ["f/x/one"]),
        ({"created_before": 5}, []),
        ({"completed_after": 5, "has_null_parent": True}, ["f/y/three", "f/x/two", "f/x/one"]),
    ],
)
def test_filters(stand: Bench, filters: dict[str, Any], paths: list[str]) -> None:
    assert listed(stand, **filters) == paths


def test_workspaces_do_not_see_each_other(stand: Bench) -> None:
    assert listed(stand, "elsewhere") == ["f/x/script"]
    job_id = jobs.list_jobs(stand.database, "elsewhere", JobFilters())[0]["id"]
    assert jobs.get_job(stand.database, "admins", job_id) is None
    assert jobs.get_job(stand.database, "elsewhere", job_id)["created_by"] == "bob"


def test_what_is_empty_is_left_out(stand: Bench) -> None:
    row = jobs.list_jobs(stand.database, "admins", JobFilters(path_exact="f/x/one"))[0]
    assert {"parent_job", "labels", "canceled_by", "schedule_path", "flow_status"}.isdisjoint(row)
    assert row["script_hash"] == "0000000000000007"
    assert row["args"] is None
    assert row["duration_ms"] >= 0


def test_a_waiting_job_has_no_result(stand: Bench) -> None:
    row = jobs.list_jobs(stand.database, "admins", JobFilters(path_exact="f/y/four"))[0]
    assert (row["type"], row["running"]) == ("QueuedJob", True)
    assert jobs.result(stand.database, row["id"]) is None
    assert jobs.args(stand.database, "nobody") is None


class TestResults:
    VALUE = flow(
        step("s", inputs={"v": static({"k": [1, {"z": 2}]})}),
        loop("l", "[0, 1]", step("a", inputs={"i": "flow_input.iter.index"})),
        arms("b", [step("x", inputs={"v": static("in")})], [loop("m", "[5]", step("deep"))]),
    )

    def test_by_id_while_it_runs_and_after(self, stand: Bench) -> None:
        stand.work()
        job_id = stand.submit(self.VALUE)
        stand.work(1)
        assert jobs.result_by_id(stand.database, job_id, "s") == {"v": {"k": [1, {"z": 2}]}}
        assert jobs.result_by_id(stand.database, job_id, "l") is None
        stand.work()
        assert jobs.result_by_id(stand.database, job_id, "l") == [{"i": 0}, {"i": 1}]
        assert jobs.result_by_id(stand.database, job_id, "x") == {"v": "in"}
        assert jobs.result_by_id(stand.database, job_id, "never") is None

    def test_a_finished_flow_is_searched_from_the_top(self, stand: Bench) -> None:
        job_id = stand.run(self.VALUE).row["id"]
        assert jobs.result_by_id(stand.database, job_id, "deep") == {}
        assert jobs.result_by_id(stand.database, job_id, "m") == [{}]

    @pytest.mark.parametrize(
        ("step_id", "path", "value"),
        [
            ("s", [], {"v": {"k": [1, {"z": 2}]}}),
            ("s", ["v", "k", "1", "z"], 2),
            ("s", ["v", "k", "9"], None),
            ("s", ["v", "nope", "x"], None),
            ("s", ["v", "k", "z"], None),
            ("l", ["1", "i"], 1),
            ("l", ["7"], None),
            ("l", ["i"], None),
        ],
    )
    def test_paths_into_results(self, stand: Bench, step_id: str, path: list[str], value: object) -> None:
        job_id = stand.run(self.VALUE).row["id"]
        connection = stand.database.read()
        place = results.find(connection, job_id, step_id)
        assert place is not None
        assert results.at_path(connection, place, path) == value


def test_the_identity_is_kept_but_for_scopes_which_no_job_of_this_release_has(stand: Bench) -> None:
    bound = Actor("eve", "eve@example.com", "admins", is_admin=False, scopes=("jobs:run",))
    stand.run(flow(loop("l", "[0]", step("a"))), who=bound)
    assert stand.tokens.issued[-1] == replace(bound, scopes=None)
