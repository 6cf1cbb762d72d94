"""Which Pythons a flow's locks are for, and what a worker says that has others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from metaflow_windmill.workspace.doctor.pythons import python_findings, pythons_here, pythons_of
from metaflow_windmill.workspace.doctor.queue_findings import limits_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

UV = """#!/bin/sh
case "$UV_PYTHON_INSTALL_DIR" in *py_runtime) echo "cpython-3.13.1-linux-x86_64-gnu  /x/python" ;; esac
echo "cpython-3.10.4-linux-x86_64-gnu    /usr/bin/python3.10"
"""


def step(lock: str | None) -> Any:
    return {"id": "a", "value": {"type": "rawscript", "lock": lock}}


def test_a_lock_says_which_python_it_is_for() -> None:
    loop = {"id": "l", "value": {"type": "forloopflow", "modules": [step("# py: 3.12\nx==1"), step(None)]}}
    value = {"modules": [step("# py: 3.11\n"), loop, step("requests==2")], "flow_env": {"lock": "# py: 3.9"}}
    assert list(pythons_of(value)) == [(3, 11), (3, 12)]


def test_each_python_that_is_missing_is_named_once() -> None:
    flows = [(f"f/a/{name}", {"modules": [step(f"# py: 3.{minor}")]}) for name, minor in
             (("one", 12), ("two", 12), ("three", 11), ("four", 14))]  # fmt: skip
    found = list(python_findings(flows, frozenset({(3, 10), (3, 11)})))
    assert [finding.said for finding in found] == [
        "f/a/one was made for Python 3.12 (so were 1 more), and here is 3.10, 3.11.",
        "f/a/four was made for Python 3.14, and here is 3.10, 3.11.",
    ]
    assert "`uv python install 3.12`" in found[0].advice
    assert "`python flow.py windmill create` with Python 3.11" in found[0].advice
    assert list(python_findings(flows[2:3], frozenset({(3, 11)}))) == []


def test_a_worker_has_its_own_python_and_those_that_uv_keeps_for_windmill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv, job = tmp_path / "bin" / "uv", tmp_path / "wk-1" / "job"
    for folder in (uv.parent, job, tmp_path / "cache" / "py_runtime"):
        folder.mkdir(parents=True)
    uv.write_text(UV)
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{uv.parent}:/usr/bin:/bin")
    monkeypatch.chdir(job)
    assert pythons_here() >= {sys.version_info[:2], (3, 10), (3, 13)}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pythons_here() == {sys.version_info[:2]}


def test_a_limit_counts_where_it_is_one() -> None:
    assert list(limits_of({"modules": [step(None)]})) == []
    limited = {"id": "a", "value": {"type": "rawscript", "concurrent_limit": 2}}
    assert list(limits_of({"concurrent_limit": 3, "modules": [limited, {"concurrent_limit": 0}]})) == [3, 2]
