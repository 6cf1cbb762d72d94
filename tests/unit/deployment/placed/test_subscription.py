"""What a flow waits for, in all forms that Metaflow's decorators have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from metaflow.decorators import flow_decorators
from metaflow.parameters import set_parameter_context
from metaflow.plugins.datastores.local_storage import LocalStorage
from tests.support.dags import load_flow

from metaflow_windmill.contract.event import Awaited
from metaflow_windmill.deployment.described.names import DeploymentId
from metaflow_windmill.deployment.placed.subscription import read_events
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.metaflow

FLOW = """
from metaflow import FlowSpec, Parameter, step, trigger, trigger_on_finish
{before}
{decorator}
class WaitsFlow(FlowSpec):
    alpha = Parameter("alpha", default="")
    beta_two = Parameter("beta-two", default="")
    @step(start=True, end=True)
    def only(self):
        pass
"""
PARAMETERS = ("alpha", "beta-two")
OWN = DeploymentId("WaitsFlow")
PROJECT = DeploymentId("WaitsFlow", project="sales", branch="prod")


def awaited(
    tmp_path: Path, decorator: str, identity: DeploymentId = OWN, before: str = ""
) -> tuple[Awaited, ...]:
    file = tmp_path / "waits.py"
    file.write_text(FLOW.format(decorator=decorator, before=before), encoding="utf-8")
    set_parameter_context("WaitsFlow", print, LocalStorage, {})
    decorators: dict[str, list[Any]] = {}
    for item in flow_decorators(load_flow(file)):
        item.flow_init("WaitsFlow", None, None, None, None, None, None, dict.fromkeys(item.options))
        decorators.setdefault(item.name, []).append(item)
    return read_events(decorators, PARAMETERS, identity)


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        ("@trigger(event='e')", [Awaited("e", {"alpha": "alpha", "beta-two": "beta-two"})]),
        ("@trigger(event={'name': 'e', 'parameters': {'Alpha': 'x'}})", [Awaited("e", {"alpha": "x"})]),
        (
            "@trigger(event={'name': 'e', 'parameters': ['alpha', ('beta_two', 'b')]})",
            [Awaited("e", {"alpha": "alpha", "beta-two": "b"})],
        ),
        ("@trigger(events=['e', 'f'])", [Awaited("e"), Awaited("f")]),
        (
            "@trigger(events=[{'name': 'e', 'parameters': {'alpha': 'x'}}, 'f'])",
            [Awaited("e", {"alpha": "x"}), Awaited("f")],
        ),
        ("@trigger(event=made)", [Awaited("made", {"alpha": "v"})]),
        ("@trigger(events=several)", [Awaited("one"), Awaited("two")]),
        ("@trigger(event={'name': name})", [Awaited("named", {"alpha": "alpha", "beta-two": "beta-two"})]),
    ],
)
def test_events(tmp_path: Path, decorator: str, expected: list[Awaited]) -> None:
    before = """
def made(context):
    return {"name": "made", "parameters": {"alpha": "v"}}
def several(context):
    return ["one", "two"]
def name(context):
    return "named"
"""
    assert list(awaited(tmp_path, decorator, before=before)) == expected


@pytest.mark.parametrize(
    ("decorator", "identity", "names"),
    [
        ("@trigger_on_finish(flow='First')", OWN, ["metaflow.First.end"]),
        ("@trigger_on_finish(flow='First')", PROJECT, ["metaflow.sales.prod.First.end"]),
        ("@trigger_on_finish(flow='other.test.x.First')", PROJECT, ["metaflow.other.test.x.First.end"]),
        ("@trigger_on_finish(flows=['First', 'Second'])", OWN, ["metaflow.First.end", "metaflow.Second.end"]),
        (
            "@trigger_on_finish(flow={'name': 'First', 'project': 'p', 'project_branch': 'b'})",
            OWN,
            ["metaflow.p.b.First.end"],
        ),
        (
            "@trigger_on_finish(flow={'name': 'First', 'project_branch': 'b'})",
            PROJECT,
            ["metaflow.sales.b.First.end"],
        ),
        ("@trigger_on_finish(flow=lambda context: 'Later')", OWN, ["metaflow.Later.end"]),
        (
            "@trigger_on_finish(flows=lambda context: ['A', 'p.b.B'])",
            OWN,
            ["metaflow.A.end", "metaflow.p.b.B.end"],
        ),
    ],
)
def test_ends_of_runs(tmp_path: Path, decorator: str, identity: DeploymentId, names: list[str]) -> None:
    assert [event.name for event in awaited(tmp_path, decorator, identity)] == names


@pytest.mark.parametrize(
    ("decorator", "words"),
    [
        ("@trigger(event={'name': 'e', 'parameters': {'gamma': 'x'}})", "but the flow has none"),
        ("@trigger(event='no good name')", "cannot be the name of an event"),
        ("@trigger_on_finish(flow={'name': 'First', 'project': 'p'})", "name both"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, decorator: str, words: str) -> None:
    with pytest.raises(DeployError, match=words):
        awaited(tmp_path, decorator)


def test_a_flow_without_the_decorators_waits_for_nothing(tmp_path: Path) -> None:
    assert awaited(tmp_path, "") == ()
