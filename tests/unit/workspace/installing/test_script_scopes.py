"""Which servers are told what the tokens of the scripts' jobs open, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.answering import Answering

from metaflow_windmill.deployment.placed.newer import TOKENS_SCOPED
from metaflow_windmill.workspace.installing.installer import Installer
from metaflow_windmill.workspace.installing.script_scopes import FIELD, SCOPES, for_release
from metaflow_windmill.workspace.installing.shipped import shipment

SHIPPED = shipment("metaflow-windmill@https://host/x.whl")
NEWER = for_release(SHIPPED, (1, 850, 0))
STARTS_FLOWS = {"f/metaflow/publish_event"}


def workspace(scopes: Any) -> Answering:
    """A workspace in which everything is installed, with the same scopes for each script."""
    answers: dict[str, Any] = {"GET /folders/exists/metaflow": True}
    answers |= {f"GET /resources/type/get/{name}": body for name, body in SHIPPED.types.items()}
    answers |= {f"GET /schedules/exists/{path}": True for path in SHIPPED.schedules}
    answers |= {f"GET /http_triggers/exists/{path}": True for path in SHIPPED.triggers}
    for script in SHIPPED.scripts:
        found = {**script.body, "hash": script.path[-9:], **({} if scopes is None else {FIELD: scopes})}
        answers[f"GET /scripts/get/p/{script.path}"] = found
        status = {"lock": "", "lock_error_logs": None, "job_id": None}
        answers[f"GET /scripts/deployment_status/h/{script.path[-9:]}"] = status
    return Answering(answers)


def test_each_script_that_starts_no_flow_is_restricted() -> None:
    told = {script.path: script.body.get(FIELD) for script in NEWER.scripts}
    assert {path for path, scopes in told.items() if scopes is None} == STARTS_FLOWS
    assert {path.rpartition("/")[2] for path in told.keys() - STARTS_FLOWS} == SCOPES.keys()
    assert all("f/metaflow" in "".join(scopes) for scopes in told.values() if scopes)


@pytest.mark.parametrize("release", [(), (1, 788, 0), (1, 822, 9)])
def test_a_server_that_does_not_know_the_field_does_not_get_it(release: tuple[int, ...]) -> None:
    assert for_release(SHIPPED, release) == SHIPPED
    assert for_release(SHIPPED, TOKENS_SCOPED) == NEWER
    assert not any(FIELD in script.body for script in SHIPPED.scripts)
    assert Installer(workspace(None), "admins").plan(SHIPPED) == []


def test_a_newer_server_is_told_once_and_again_when_somebody_took_it_away() -> None:
    steps = Installer(workspace(None), "admins").plan(NEWER)
    assert {step.path for step in steps} == {script.path for script in NEWER.scripts} - STARTS_FLOWS
    change = next(step for step in steps if step.path == "f/metaflow/show_card")
    assert '+ "flows:read"' in change.diff
    assert change.request.body[FIELD] == list(SCOPES["show_card"])
    server = workspace(None)
    for script in NEWER.scripts:
        server.answers[f"GET /scripts/get/p/{script.path}"][FIELD] = script.body.get(FIELD)
    assert Installer(server, "admins").plan(NEWER) == []
