"""What a later version wrote is read by this one: members that are new, at any depth, do no harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.support.deployments import fixed_deployment

from metaflow_windmill.contract.event import Awaited, Event, Subscription
from metaflow_windmill.contract.record import ParameterInfo, Record, ScheduleInfo
from metaflow_windmill.contract.task import Input, Source, TaskSpec

RECORD = replace(
    fixed_deployment("F").record,
    parameters=(ParameterInfo("x-y", "x_y", "int", default=3, choices=("a",)),),
    schedule=ScheduleInfo("0 0 3 * * *"),
    events=(Awaited("new-data", {"x": "value"}),),
)
SUBSCRIPTION = Subscription("f/flows/F", (Awaited("a", {"x": "value"}), Awaited("b")))
EVENT = Event("a", "1", 7, {"value": [1]})
TASK = TaskSpec("join", ("foreach",), (Input((Source("work"),), "each"),), environment={"A": "b"})
FREE = {"variables", "versions", "payload", "default", "environment"}
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


@given(st.data())
def test_a_record(data: st.DataObject) -> None:
    assert Record.from_json(later(RECORD.to_json(), data.draw)) == RECORD


@given(st.data())
def test_events(data: st.DataObject) -> None:
    assert Subscription.from_json(later(SUBSCRIPTION.to_json(), data.draw)) == SUBSCRIPTION
    assert Event.from_json(later(EVENT.to_json(), data.draw)) == EVENT


@given(st.data())
def test_what_a_module_tells_its_job(data: st.DataObject) -> None:
    assert TaskSpec.from_json(later(TASK.to_json(), data.draw)) == TASK
