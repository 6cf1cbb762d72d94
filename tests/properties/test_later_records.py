"""What a later version wrote is read by this one: members that are new, at any depth, do no harm."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.deployments import fixed_deployment

from metaflow_windmill.contract.event import Awaited, Event, Subscription
from metaflow_windmill.contract.exit_hook import ExitHooks
from metaflow_windmill.contract.notification import Notification
from metaflow_windmill.contract.record import GitInfo, ParameterInfo, ScheduleInfo
from metaflow_windmill.contract.resume_argument import Origin, ResumeOrder
from metaflow_windmill.contract.task_spec import Input, ParentStep, TaskSpec
from metaflow_windmill.deployment.described.git_origin import read_origin, telling
from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.runtime.output.failure import Failure, TracebackLine
from metaflow_windmill.workspace.doctor.findings import Finding
from metaflow_windmill.workspace.pushed.redeploy import State

RECORD = replace(
    fixed_deployment("F").record,
    parameters=(ParameterInfo("x-y", "x_y", "int", default=3, choices=("a",)),),
    schedule=ScheduleInfo("0 0 3 * * *"),
    events=(Awaited("new-data", {"x": "value"}),),
)
SUBSCRIPTION = Subscription("f/flows/F", (Awaited("a", {"x": "value"}), Awaited("b")))
EVENT = Event("a", "1", 7, {"value": [1]})
TASK = TaskSpec("join", ("foreach",), (Input((ParentStep("work"),), "each"),), environment={"A": "b"})
FREE = {"variables", "versions", "payload", "default", "environment", "channels"}
"""Members whose own members are a person's: what is added there is read."""

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def later(written: Any, draw: Any) -> Any:
    """Return what a later version might have written: each object of ours has members more."""
    if isinstance(written, list):
        return [later(item, draw) for item in written]
    if not isinstance(written, dict):
        return written
    grown = {key: value if _is_free(key, written) else later(value, draw) for key, value in written.items()}
    more = draw(st.dictionaries(st.text(min_size=1, max_size=4).map("later_{}".format), values, max_size=2))
    return {**more, **grown}


def _is_free(key: str, inside: dict[str, Any]) -> bool:
    return key in FREE or (key == "parameters" and "name" in inside)


WRITTEN = (
    *(RECORD, SUBSCRIPTION, EVENT, TASK),
    ExitHooks(("told", "hooks.told"), failed=True),
    Notification({"slack": {"channel": "#x"}, "webhook": {}}, failed=True),
    ResumeOrder("windmill-1", ("train",), ("x",)),
    Origin("windmill-1", ("train",), ("x",)),
    Finding("packages", "bad", "one is missing", "install it", "worker-1"),
    Failure("ValueError", "no", (TracebackLine("flow.py", 7, "train"),), asking=True),
)


@pytest.mark.parametrize("written", WRITTEN, ids=lambda written: type(written).__name__)
@given(data=st.data())
def test_what_a_later_version_wrote_is_read(written: Any, data: st.DataObject) -> None:
    assert type(written).from_json(later(written.to_json(), data.draw)) == written


@given(st.data())
def test_where_a_flow_file_comes_from(data: st.DataObject) -> None:
    git = GitInfo("https://example.com/r", "abc", "flows/one.py", "main", "sha")
    (told,) = telling(git).values()
    assert read_origin(json.dumps(later(json.loads(told), data.draw))) == git


@given(st.data())
def test_what_was_deployed_last(data: st.DataObject) -> None:
    state = State("abc", "main", "digest", ("one",), "2026-01-01T00:00:00+00:00")
    assert State.from_json(later(json.loads(json.dumps(asdict(state))), data.draw)) == state


@pytest.mark.parametrize("kind", [ExitHooks, Notification, ResumeOrder, Origin])
@pytest.mark.parametrize("data", [None, [], "x", {"later": 1}])
def test_what_is_none_of_these_is_told(kind: Any, data: Any) -> None:
    with pytest.raises(InvalidDocument):
        kind.from_json(data)
