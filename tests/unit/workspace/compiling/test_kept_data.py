"""What the program answers that tells the embedded server's pages of artifacts and cards."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from metaflow_windmill.devserver.keeper import Program
from metaflow_windmill.errors import ServerError

KEPT = (sys.executable, "-m", "metaflow_windmill.workspace.compiling.kept_data")


def test_a_run_of_another_flow_keeps_nothing() -> None:
    told = Program(KEPT).tell({"environment": {"other": 1}, "run": "00000000-0000-4000-8000-000000000000"})
    assert told == {"error": "This is no run of a flow of Metaflow."}


def test_what_cannot_be_read_is_told() -> None:
    assert "error" in Program(KEPT).tell({"environment": {"metaflow": {"format": 1}}, "run": "x"})


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "print('no JSON')"])
def test_a_program_that_does_not_answer_is_told(code: str) -> None:
    with pytest.raises(ServerError, match="cannot be told"):
        Program((sys.executable, "-c", code)).tell({})


def test_it_sees_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDMILL_TOKEN", "secret-of-the-server")
    seen = Program((sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")).tell({})
    assert "WINDMILL_TOKEN" not in seen


def test_only_the_answer_is_on_its_output() -> None:
    done = subprocess.run(KEPT, input=b'{"environment": {}, "run": "x"}', capture_output=True, check=True)
    assert set(json.loads(done.stdout)) == {"error"}
