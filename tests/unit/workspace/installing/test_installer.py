"""An installation whose dependency jobs fail: it is seen, told, and tried again until all can be run."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.answering import Answering

from metaflow_windmill.client.transport import Response
from metaflow_windmill.errors import DeployError
from metaflow_windmill.workspace.installing.installer import Installer
from metaflow_windmill.workspace.installing.locks import lock_of
from metaflow_windmill.workspace.installing.shipped import Shipment, shipment

SHIPPED = shipment("metaflow-windmill@https://host/x.whl")
NAMES = [script.path for script in SHIPPED.scripts]
BROKEN = "f/metaflow/doctor"
JOB = "01a22501-0000-0000-0000-000000000000"


def ended(*, success: bool, result: Any = None, completed: bool = True) -> dict[str, Any]:
    return {"completed": completed, "success": success, "result": result}


def workspace(status: Any, **more: Any) -> Answering:
    """A workspace in which everything is installed, and one script's version has the given status."""
    answers: dict[str, Any] = {"GET /folders/exists/metaflow": True}
    for name, body in SHIPPED.types.items():
        answers[f"GET /resources/type/get/{name}"] = body
    for path in SHIPPED.schedules:
        answers[f"GET /schedules/exists/{path}"] = True
    for path in SHIPPED.triggers:
        answers[f"GET /http_triggers/exists/{path}"] = True
    for script in SHIPPED.scripts:
        hash_ = script.path.rpartition("/")[2]
        answers[f"GET /scripts/get/p/{script.path}"] = {**script.body, "hash": hash_}
        answers[f"GET /scripts/deployment_status/h/{hash_}"] = {"lock": "# py: 3.12", "job_id": JOB}
    answers["GET /scripts/deployment_status/h/doctor"] = status
    return Answering({**answers, **more})


def installer(server: Answering) -> Installer:
    return Installer(server, "admins")


def test_where_all_can_be_run_there_is_nothing_to_do() -> None:
    server = workspace({"lock": "", "lock_error_logs": None, "job_id": None})
    assert installer(server).plan(SHIPPED) == []
    installer(server).wait(NAMES)


@pytest.mark.parametrize(
    ("status", "job"),
    [
        ({"lock": None, "lock_error_logs": "no such package", "job_id": JOB}, None),
        ({"lock": None, "lock_error_logs": None, "job_id": JOB}, ended(success=False)),
    ],
    ids=["it said why", "its job was canceled"],
)
def test_a_failed_lock_is_no_installed_script(status: Any, job: Any) -> None:
    server = workspace(status, **{f"GET /jobs_u/completed/get_result_maybe/{JOB}": job})
    (step,) = installer(server).plan(SHIPPED)
    assert step.summary == f"install the packages of script {BROKEN} again, which failed"
    assert step.request.body is not None
    assert step.request.body["parent_hash"] == "doctor"
    with pytest.raises(DeployError, match=f"{BROKEN} cannot be run") as told:
        installer(server).wait(NAMES)
    assert NAMES[1] not in str(told.value)


def test_the_second_installation_starts_it_again_and_ends_well_once_it_can_be_run() -> None:
    failed = {"lock": None, "lock_error_logs": "no such package", "job_id": JOB}
    server = workspace([failed, {"lock": "# py: 3.12", "job_id": JOB}])
    server.answers["POST /scripts/create"] = Response(201, b"doctor")
    said: list[str] = []
    installer(server).carry_out(installer(server).plan(SHIPPED), said.append)
    assert len(said) == 1
    assert server.lines.count("POST /scripts/create") == 1
    assert installer(server).plan(Shipment((), {}, {}, {})) == []


def test_an_installation_waits_for_what_somebody_else_has_just_begun() -> None:
    server = workspace({"lock": None, "lock_error_logs": None, "job_id": JOB})
    server.answers[f"GET /jobs_u/completed/get_result_maybe/{JOB}"] = [
        ended(completed=False, success=False),
        ended(completed=False, success=False),
        ended(success=True),
    ]
    assert installer(server).plan(SHIPPED) == []
    installer(server).wait([BROKEN])


def test_the_end_of_the_dependency_jobs_log_is_told() -> None:
    server = workspace({"lock": None, "lock_error_logs": None, "job_id": JOB})
    error = {"error": {"message": "uv ended with 1"}}
    server.answers[f"GET /jobs_u/completed/get_result_maybe/{JOB}"] = ended(success=False, result=error)
    log = "x" * 5000 + "\nno version of wmill==9999"
    server.answers[f"GET /jobs_u/get_logs/{JOB}"] = Response(200, log.encode())
    said = lock_of(server.windmill, "doctor").said
    assert said.endswith("no version of wmill==9999\nuv ended with 1")
    assert len(said) <= 2000
