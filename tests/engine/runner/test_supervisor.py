"""Worker processes: what a script sees, how it ends, who dies first."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.crew import MemoryQueue, abandon
from tests.support.server import wait_until

from metaflow_windmill.devserver.runner.files import Places, read_json
from metaflow_windmill.devserver.runner.supervisor import Crew, Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json

WAITS = """
import pathlib, time
def main(gate, started):
    pathlib.Path(started).touch()
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)
    return "opened"
"""


@pytest.fixture
def jobs() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def crew(jobs: MemoryQueue, tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(jobs, tmp_path, Crew(1))
    supervisor.start()
    yield supervisor
    supervisor.stop()


def wait_for(path: Path) -> None:
    wait_until(path.exists, 60, f"{path} did not appear")


def error(outcome: Json) -> Json:
    assert not outcome.success
    return outcome.result["error"]


@pytest.mark.usefixtures("crew")
class TestScripts:
    @pytest.mark.parametrize(
        ("content", "args", "result"),
        [
            ("def main(x, y=2):\n    return [x, y]\n", {"x": 1, "y": None, "z": 9}, [1, 2]),
            ("def main(x):\n    return x\n", {}, None),
            ("def main(**kw):\n    return kw\n", {"a": 1}, {"a": 1}),
            ("def main(b: bytes):\n    return b[::-1]\n", {"b": "YWI="}, "YmE="),
            (
                "from datetime import datetime\ndef main(t: datetime):\n    return t.year\n",
                {"t": "2026-01-02T03:04:05Z"},
                2026,
            ),
            (
                "def main():\n    return {'n': float('nan'), 'i': [float('-inf')]}\n",
                {},
                {"n": None, "i": [None]},
            ),
            ("def main():\n    return 'a\\x00b'\n", {}, "a null b"),
            ("def main():\n    pass\n", {}, None),
            ("def main():\n    return (c for c in 'ab')\n", {}, None),
        ],
    )
    def test_arguments_and_results(self, jobs: MemoryQueue, content: str, args: Json, result: Json) -> None:
        ended = jobs.ended(jobs.add(content, args))
        assert (ended.success, ended.result) == (True, result)

    def test_nothing_of_the_servers_environment_is_inherited(
        self, jobs: MemoryQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ended = jobs.ended(jobs.add("import os\ndef main():\n    return dict(os.environ)\n"))
        assert ended.result["WM_WORKSPACE"] == "admins"
        assert not [name for name in ended.result if name.startswith(("PYTEST", "METAFLOW", "VIRTUAL"))]

    def test_the_script_is_the_module_of_its_path(self, jobs: MemoryQueue) -> None:
        job = jobs.add("def main():\n    return [__name__, __file__]\n", path="f/a-b/Daily-Sum")
        name, file = jobs.ended(job).result
        assert name == "f.a_b.daily_sum"
        assert file.endswith(f"{job}/f/a_b/daily_sum.py")

    def test_an_exception_is_the_error(self, jobs: MemoryQueue) -> None:
        fault = error(jobs.ended(jobs.add("def main():\n    raise KeyError('k')\n")))
        assert (fault["name"], fault["message"], fault["step_id"]) == ("KeyError", "'k'", "a")
        assert "script.py" in fault["stack"]
        assert "wrapper.py" not in fault["stack"]
        assert '"/tmp/windmill/wk-default-' in fault["stack"]  # wherever this server's data is

    @pytest.mark.parametrize(
        ("content", "name", "words"),
        [
            ("import sys\ndef main():\n    sys.exit(3)\n", "SystemExit", "3"),
            ("import os\ndef main():\n    os._exit(0)\n", "InternalErr", "invalid json"),
            ("import os\ndef main():\n    os.kill(os.getpid(), 9)\n", "ExecutionErr", "SIGKILL"),
            ("import os\ndef main():\n    print('last')\n    os._exit(7)\n", "ExecutionErr", "last"),
            ("nonsense(\ndef main():\n    pass\n", "SyntaxError", "never closed"),
            ("x = 1\n", "ValueError", "main function is missing"),
        ],
    )
    def test_other_ends(self, jobs: MemoryQueue, content: str, name: str, words: str) -> None:
        fault = error(jobs.ended(jobs.add(content)))
        assert fault["name"] == name
        assert words in fault["message"]

    def test_a_preprocessor_makes_the_arguments(self, jobs: MemoryQueue) -> None:
        content = (
            "def preprocessor(event):\n    return {'n': event['body'] + 1}\ndef main(n):\n    return n\n"
        )
        ended = jobs.ended(jobs.add(content, {"event": {"body": 4}}, preprocess=True))
        assert (ended.result, ended.args) == (5, {"n": 5})

    def test_output_goes_to_the_log_at_once(self, jobs: MemoryQueue, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        content = "import sys\n" + WAITS.replace(
            "    while", "    print('out')\n    print('err', file=sys.stderr)\n    while"
        )
        job = jobs.add(content, {"gate": str(gate), "started": str(tmp_path / "started")})
        wait_for(tmp_path / "started")
        wait_until(lambda: "err" in Places(tmp_path).log(job).read_text(), 60, "the log did not grow")
        gate.touch()
        assert jobs.ended(job).success
        assert Places(tmp_path).log(job).read_text() == "out\nerr\n"

    def test_a_time_out_kills_the_whole_group(self, jobs: MemoryQueue) -> None:
        content = (
            "import subprocess, time\n"
            "def main():\n    subprocess.Popen(['sleep', '600'])\n    time.sleep(600)\n"
        )
        job = jobs.add(content, timeout=1)
        fault = error(jobs.ended(job))
        assert (fault["name"], "timeout" in fault["message"]) == ("ExecutionErr", True)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestDeaths:
    def test_cancel_kills_children_too(self, jobs: MemoryQueue, crew: Supervisor, tmp_path: Path) -> None:
        content = (
            "import pathlib, subprocess, time\n"
            "def main(out):\n    child = subprocess.Popen(['sleep', '600'])\n"
            "    pathlib.Path(out + '.new').write_text(str(child.pid))\n"
            "    pathlib.Path(out + '.new').rename(out)\n    time.sleep(600)\n"
        )
        job = jobs.add(content, {"out": str(tmp_path / "pid")})
        wait_for(tmp_path / "pid")
        crew.kill(job)
        assert "canceled" in error(jobs.ended(job))["message"]
        child = int((tmp_path / "pid").read_text())
        wait_until(lambda: not alive(child) or "Z" in _state(child), 60, "the child lives on")

    @pytest.mark.usefixtures("crew")
    def test_a_killed_worker_is_replaced_and_its_job_runs_again(
        self, jobs: MemoryQueue, tmp_path: Path
    ) -> None:
        gate, started = tmp_path / "gate", tmp_path / "started"
        job = jobs.add(WAITS, {"gate": str(gate), "started": str(started)})
        wait_for(started)
        wait_for(Places(tmp_path).process(job))
        process = read_json(Places(tmp_path).process(job))
        worker = _parent(process["group"])
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: jobs.starts[job] == 2, 60, "it did not run again")
        gate.touch()
        assert jobs.ended(job).result == "opened"

    def test_a_worker_outlives_the_server_and_the_next_one_takes_its_outcome(
        self, jobs: MemoryQueue, tmp_path: Path
    ) -> None:
        first = Supervisor(jobs, tmp_path, Crew(1))
        first.start()
        gate, started = tmp_path / "gate", tmp_path / "started"
        job = jobs.add(WAITS, {"gate": str(gate), "started": str(started)})
        wait_for(started)
        abandon(first)
        gate.touch()
        wait_for(Places(tmp_path).outcome(job))
        second = Supervisor(jobs, tmp_path, Crew(1))
        second.start()
        assert jobs.ended(job).result == "opened"
        assert jobs.starts[job] == 1
        assert jobs.ended(jobs.add("def main():\n    return 1\n")).result == 1
        second.stop()
        first.stop()

    def test_a_job_that_nobody_runs_any_more_runs_again(self, jobs: MemoryQueue, tmp_path: Path) -> None:
        job = jobs.add("def main():\n    return 'again'\n")
        assert jobs.pull("wk-gone", ()) is not None
        supervisor = Supervisor(jobs, tmp_path, Crew(1))
        supervisor.start()
        assert jobs.ended(job).result == "again"
        supervisor.stop()

    def test_stopping_leaves_the_job_to_the_next_start(self, jobs: MemoryQueue, tmp_path: Path) -> None:
        gate, started = tmp_path / "gate", tmp_path / "started"
        first = Supervisor(jobs, tmp_path, Crew(1))
        first.start()
        job = jobs.add(WAITS, {"gate": str(gate), "started": str(started)})
        wait_for(started)
        first.stop()
        assert job not in jobs.outcomes
        gate.touch()
        second = Supervisor(jobs, tmp_path, Crew(1))
        second.start()
        assert jobs.ended(job).result == "opened"
        second.stop()


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _state(pid: int) -> str:
    try:
        return _stat(pid)[0]
    except OSError:
        return "Z"
