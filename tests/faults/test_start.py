"""The server where it cannot start: one sentence, exit status 1, and nothing harmed."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from tests.support.server import end_server, running_server, start_server, wait_until


def refused(*arguments: str) -> str:
    """Return what a server that does not start says."""
    command = [sys.executable, "-m", "metaflow_windmill.cli.main", "dev", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    assert ran.stderr.startswith("metaflow-windmill dev: ")
    return ran.stderr


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused("--port", str(port), "--data", str(tmp_path / "data"))
    assert f"127.0.0.1:{port}" in said
    assert "--port" in said


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours(tmp_path: Path, host: str) -> None:
    assert host in refused("--port", "0", "--host", host, "--data", str(tmp_path / "data"))


@pytest.mark.parametrize("workers", ["0", "-1", "x"])
def test_a_number_of_workers_that_is_none(workers: str) -> None:
    command = [sys.executable, "-m", "metaflow_windmill.cli.main", "dev", f"--workers={workers}"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "--workers" in ran.stderr


@pytest.mark.parametrize("port", ["70000", "-1"])
def test_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    assert f":{port}" in refused("--data", str(tmp_path / "data"), f"--port={port}")


def test_a_second_server_on_one_directory(tmp_path: Path) -> None:
    with running_server(tmp_path, workers=1) as server:
        said = refused("--port", "0", "--data", str(server.data))
        assert "in use by another server" in said
        assert str(server.process.pid) in said
        assert server.get("/users/whoami")["username"] == "admin"


def test_a_corrupt_database_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "data" / "windmill.db"
    file.parent.mkdir()
    file.write_bytes(b"not a database" * 1000)
    said = refused("--port", "0", "--data", str(file.parent))
    assert str(file) in said
    assert "--data" in said
    assert file.read_bytes() == b"not a database" * 1000


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file, not a directory")
    assert "--data" in refused("--port", "0", "--data", str(tmp_path / "file" / "data"))


def test_a_missing_extra_is_named() -> None:
    lines = ("import sys", "sys.modules['dukpy'] = None", "import metaflow_windmill.cli.main as main")
    command = [sys.executable, "-c", "; ".join((*lines, "sys.exit(main.main(['dev']))"))]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    sentences = "The embedded server needs dukpy. Install with: pip install dukpy"
    assert ran.stderr.splitlines() == [f"metaflow-windmill dev: {sentences}"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_when_it_is_told(tmp_path: Path, sign: signal.Signals) -> None:
    server = start_server(tmp_path, workers=1)
    assert end_server(server, sign) == 0
    with pytest.raises(requests.ConnectionError):
        server.ask("GET", "/api/version")


GATED = """
import os, pathlib, time
def main(gate, started):
    pathlib.Path(started + ".part").write_text(str(os.getpid()))
    os.rename(started + ".part", started)
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)
    return "done"
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_server_takes_its_jobs_along_and_goes_on_with_them_later(
    tmp_path: Path, sign: signal.Signals
) -> None:
    gate, started = tmp_path / "gate", tmp_path / "started"
    args = {"gate": str(gate), "started": str(started)}
    first = start_server(tmp_path, workers=1)
    job = first.post("/jobs/run/preview", {"content": GATED, "language": "python3", "args": args})
    wait_until(started.exists, 30, "the job did not start")
    process = Path(f"/proc/{started.read_text()}")
    assert process.exists()
    assert end_server(first, sign) == 0
    assert not process.exists()
    gate.touch()
    with running_server(tmp_path, workers=1) as second:
        again = second.finished(job)
        assert (again["success"], again["result"]) == (True, "done")


def test_who_waits_for_a_result_is_told_that_the_server_ends(tmp_path: Path) -> None:
    started = tmp_path / "started"
    args = {"gate": str(tmp_path / "never"), "started": str(started)}
    server = start_server(tmp_path, workers=1)
    body = {"content": GATED, "language": "python3", "args": args}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.ask, "POST", "/jobs/run_wait_result/preview", json=body)
        wait_until(started.exists, 30, "the job did not start")
        assert end_server(server) == 0
        answer = waiting.result(30)
    assert answer.status_code == 503
    assert "ask again when it is back" in answer.text
    with running_server(tmp_path, workers=1) as second:
        (job,) = second.get("/jobs/list?job_kinds=preview")
        assert job["canceled"] is False
        second.ask("POST", f"/jobs_u/queue/cancel/{job['id']}", json={})


def test_the_token_is_kept_private_and_over_restarts(tmp_path: Path) -> None:
    with running_server(tmp_path, workers=1) as first:
        kept = first.data / "token"
        assert kept.stat().st_mode & 0o077 == 0
        assert first.token in first.output.read_text()
    with running_server(tmp_path, workers=1) as second:
        assert second.token == first.token
        assert second.get("/users/whoami")["username"] == "admin"


def test_a_given_token_is_neither_printed_nor_kept(tmp_path: Path) -> None:
    with running_server(tmp_path, workers=1, token="a-token-of-my-own") as server:
        assert server.get("/users/whoami")["username"] == "admin"
        assert "a-token-of-my-own" not in server.output.read_text()
        assert not (server.data / "token").exists()
        assert not any(b"a-token-of-my-own" in file.read_bytes() for file in server.data.glob("windmill.db*"))
