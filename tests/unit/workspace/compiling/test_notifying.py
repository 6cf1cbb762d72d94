"""A repository's notifications and time limit, from its configuration to the flow that is deployed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.deployments import SCRIPT, fixed_deployment
from tests.support.small_dags import small_dag

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.errors import DeployError, InvalidDocument
from metaflow_windmill.graph.dag import Retries
from metaflow_windmill.workspace.compiling.configuration import Configuration
from metaflow_windmill.workspace.compiling.notifying import credentials_of, notifications_of, options_of
from metaflow_windmill.workspace.compiling.vetting import vet, without_secrets

URL = "https://git.example.com/flows.git"
BOTH = Configuration(
    URL,
    workflow_timeout=60,
    notify=("slack=f/team/slack", "pager_duty=f/team/pager#key"),
    notify_on_error=True,
    notify_on_success=True,
)


def test_nothing_said_is_nothing_asked_for() -> None:
    assert options_of(Configuration(URL)) == []
    assert credentials_of(Configuration(URL)) == {}


def test_it_becomes_the_options_of_create() -> None:
    assert options_of(BOTH) == [
        "--notify-slack-webhook-url=f/team/slack",
        "--notify-pager-duty-integration-key=f/team/pager#key",
        "--notify-on-error",
        "--notify-on-success",
        "--workflow-timeout=60",
    ]
    assert credentials_of(BOTH) == {
        "METAFLOW_WINDMILL_NOTIFY_SLACK": "$var:f/team/slack",
        "METAFLOW_WINDMILL_NOTIFY_PAGER_DUTY": {"resource": "$res:f/team/pager", "field": "key"},
    }


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(DeployError, match="needs to know when"):
        notifications_of(replace(BOTH, notify_on_error=False, notify_on_success=False))
    with pytest.raises(DeployError, match="takes the path of a variable"):
        notifications_of(replace(BOTH, notify=("slack=https://hooks.test/secret",)))


def test_a_flow_that_notifies_and_is_limited_passes_without_its_secrets() -> None:
    dag = small_dag(start="end", end="")
    dag = replace(dag, steps=tuple(replace(step, retries=Retries(user=1)) for step in dag.steps))
    deployment = fixed_deployment(dag.name)
    document = compile_flow(
        dag,
        replace(
            deployment,
            script=SCRIPT,
            record=replace(deployment.record, workflow_timeout=60),
            notifications=notifications_of(BOTH),
        ),
    ).to_json()
    with pytest.raises(InvalidDocument, match="refers to a secret"):
        vet(document, SCRIPT)
    vetted = vet(without_secrets(document), SCRIPT)
    assert vetted.record.workflow_timeout == 60
    assert "secrets" not in str(vetted.document["value"]["modules"])
    assert "notify" in str(vetted.document["value"]["modules"])
