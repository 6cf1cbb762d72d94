"""What a script or a flow requires is resolved when it is deployed; what cannot be is not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.programs import flow
from tests.support.workspace import make_wheel

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.support.server import RunningServer

CODE = "# requirements:\n# tinyword@{wheel}\ndef main():\n    import tinyword\n    return tinyword.WORD\n"


def requiring(folder: Path, number: int = 0) -> str:
    """Return a script that requires a wheel of its own."""
    made = folder / str(number)
    make_wheel(made, code=f"WORD = {number}\n")
    return CODE.format(wheel=(made / "tinyword-1.2-py3-none-any.whl").as_uri())


def script(path: str, content: str) -> dict[str, Any]:
    return {"path": path, "summary": "", "description": "", "content": content, "language": "python3"}


def test_a_script_gets_its_lock_and_runs_with_what_it_names(
    server: RunningServer, folder: str, tmp_path: Path
) -> None:
    path = f"{folder}/locked"
    hash_ = server.post("/scripts/create", script(path, requiring(tmp_path, 7)))
    status = server.get(f"/scripts/deployment_status/h/{hash_}")
    assert server.finished(status["job_id"])["success"]
    lock = server.get(f"/scripts/get/p/{path}")["lock"]
    assert lock.startswith("# py: 3.")
    assert "tinyword @ file://" in lock
    assert server.finished(server.post(f"/jobs/run/p/{path}", {}))["result"] == 7


def test_a_script_whose_requirements_cannot_be_resolved_is_not_run(
    server: RunningServer, folder: str, tmp_path: Path
) -> None:
    path = f"{folder}/unlocked"
    content = requiring(tmp_path).replace("tinyword-1.2", "absent-1.2")
    hash_ = server.post("/scripts/create", script(path, content))
    status = server.get(f"/scripts/deployment_status/h/{hash_}")
    assert not server.finished(status["job_id"])["success"]
    status = server.get(f"/scripts/deployment_status/h/{hash_}")
    assert status["lock"] is None
    assert "absent-1.2" in status["lock_error_logs"]
    refused = server.ask("POST", f"/jobs/run/p/{path}", json={})
    assert (refused.status_code, "script not found at name" in refused.text) == (404, True)
    assert server.get(f"/scripts/get/p/{path}")["content"] == content


def test_each_script_of_a_flow_gets_its_lock_wherever_it_stands(
    server: RunningServer, folder: str, tmp_path: Path
) -> None:
    path, (one, two) = f"{folder}/Flow", (requiring(tmp_path, 1), requiring(tmp_path, 2))

    def module(id_: str, content: str, **more: Any) -> dict[str, Any]:
        return {"id": id_, "value": {"type": "rawscript", "language": "python3", "content": content, **more}}

    locked = module("c", "def main():\n    return 3\n", lock="# py: 3.11", input_transforms={})
    arms = [{"modules": [module("b", two)], "expr": "true"}]
    choice = {"id": "d", "value": {"type": "branchone", "branches": arms, "default": [module("e", one)]}}
    server.post("/flows/create", flow(path, module("a", one), choice, locked))
    status = server.get(f"/flows/deployment_status/p/{path}")
    assert server.finished(status["job_id"])["success"]
    a, d, c = server.get(f"/flows/get/{path}")["value"]["modules"]
    b, e = d["value"]["branches"][0]["modules"][0], d["value"]["default"][0]
    assert a["value"]["lock"] == e["value"]["lock"] != b["value"]["lock"]
    assert c["value"]["lock"] == "# py: 3.11"
    job = server.finished(server.post(f"/jobs/run/f/{path}", {}))
    assert job["success"], job["result"]


def test_a_flow_says_which_requirements_could_not_be_resolved(
    server: RunningServer, folder: str, tmp_path: Path
) -> None:
    path, content = f"{folder}/Broken", requiring(tmp_path).replace("tinyword-1.2", "absent-1.2")
    value = {"type": "rawscript", "language": "python3", "content": content}
    server.post("/flows/create", flow(path, {"id": "a", "value": value}))
    status = server.get(f"/flows/deployment_status/p/{path}")
    assert not server.finished(status["job_id"])["success"]
    assert "absent-1.2" in server.get(f"/flows/deployment_status/p/{path}")["lock_error_logs"]
