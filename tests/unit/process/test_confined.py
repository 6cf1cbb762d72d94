from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.server import wait_until

from metaflow_windmill.process.confined import Confinement, Finished, run_confined, weakness

if TYPE_CHECKING:
    from collections.abc import Mapping

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and capabilities")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to lose")


def run(
    code: str,
    directory: Path,
    *,
    environment: Mapping[str, str] | None = None,
    confinement: Confinement | None = None,
) -> Finished:
    return run_confined(
        [sys.executable, "-c", code],
        directory=directory,
        environment=environment or {},
        confinement=confinement or Confinement(seconds=30, megabytes=1024, output=1024 * 1024),
    )


def test_output_errors_and_status(tmp_path: Path) -> None:
    done = run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", tmp_path)
    assert done == Finished(3, b"out\n", "err\n")


def test_the_environment_is_what_is_given_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WM_TOKEN", "secret")
    done = run(
        "import os, json; print(json.dumps(dict(os.environ)))",
        tmp_path,
        environment={"A": "b", "LC_ALL": "C"},
    )
    assert json.loads(done.output) == {"A": "b", "LC_ALL": "C"}


def test_it_works_where_it_is_told_and_reads_nothing(tmp_path: Path) -> None:
    done = run("import os, sys; print(os.getcwd(), repr(sys.stdin.read()))", tmp_path)
    assert done.output.decode().split() == [str(tmp_path), "''"]


def test_too_long(tmp_path: Path) -> None:
    begun = time.monotonic()
    done = run("import time; time.sleep(60)", tmp_path, confinement=Confinement(seconds=1))
    assert done.stopped == "it took longer than 1 seconds"
    assert done.status == -9
    assert time.monotonic() - begun < 50


def test_too_much_memory(tmp_path: Path) -> None:
    done = run("x = bytearray(2 * 1024 ** 3)", tmp_path, confinement=Confinement(megabytes=512))
    assert done.status == 1
    assert "MemoryError" in done.errors


def test_too_much_output(tmp_path: Path) -> None:
    endless = "while True: print('x' * 100000, flush=True)"
    done = run(endless, tmp_path, confinement=Confinement(output=2 * 1024 * 1024))
    assert done.stopped == "it printed more than 2 MB"
    assert len(done.output) <= 2 * 1024 * 1024


def test_only_the_end_of_many_errors_is_kept(tmp_path: Path) -> None:
    done = run("import sys; print('x' * 500000 + 'the end', file=sys.stderr)", tmp_path)
    assert done.errors.endswith("the end\n")
    assert len(done.errors) < 20_000


LEAVES = {
    "in its session": "subprocess.Popen(['sh', '-c', {stay!r}])",
    "in a session of its own": "subprocess.Popen(['sh', '-c', {stay!r}], start_new_session=True)",
    "orphaned": "subprocess.run(['sh', '-c', 'setsid sh -c \"{stay}\" >&- 2>&- & exit 0'])",
    "orphaned twice": "subprocess.run(['sh', '-c', '(setsid sh -c \"sleep {name} & {stay}\" &) &'])",
}


@LINUX
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES)
def test_what_it_leaves_running_ends_with_it(tmp_path: Path, leave: str, *, apart: bool) -> None:
    name = f"3600.{os.getpid()}{time.monotonic_ns()}"
    begin = leave.format(stay=f"touch {name}; exec sleep {name}", name=name)
    code = f"import os, subprocess\n{begin}\nwhile not os.path.exists('{name}'): pass\nprint('began')"
    done = run(code, tmp_path, environment=os.environ, confinement=Confinement(seconds=30, apart=apart))
    assert done.output == b"began\n", done.errors
    assert running(name) == []


@LINUX
@pytest.mark.parametrize("apart", [True, False])
def test_it_ends_with_the_job(tmp_path: Path, *, apart: bool) -> None:
    """Kill a job in the middle: the program that it runs must not live on."""
    name = f"here-{os.getpid()}-{time.monotonic_ns()}"
    inner = f"import time; open({name!r}, 'w').close(); time.sleep(600)"
    outer = (
        "import sys, pathlib; from metaflow_windmill.process.confined import *;"
        f"run_confined([sys.executable, '-c', {inner!r}], directory=pathlib.Path('.'), environment={{}},"
        f" confinement=Confinement(apart={apart}))"
    )
    pid = os.spawnve(
        os.P_NOWAIT,
        sys.executable,
        [sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r}); {outer}"],
        os.environ,
    )
    wait_until((tmp_path / name).exists, 60, "the program did not begin")
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    wait_until(lambda: running(name) == [], 60, "it lives on")


@LINUX
@pytest.mark.skipif(bool(weakness()), reason="this machine gives no PID namespace")
def test_apart_it_sees_no_process_but_its_own(tmp_path: Path) -> None:
    done = run("import os; print(os.getpid(), *sorted(filter(str.isdigit, os.listdir('/proc'))))", tmp_path)
    assert done.output == b"2 1 2\n"


@LINUX
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("status", [0, 3, -9, -15])
def test_its_end_is_told_as_it_was(tmp_path: Path, status: int, *, apart: bool) -> None:
    code = f"import os, sys; os.kill(os.getpid(), {-status}) if {status} < 0 else sys.exit({status})"
    assert run(code, tmp_path, confinement=Confinement(apart=apart)).status == status


@LINUX
@ROOT
def test_root_loses_every_capability_for_good(tmp_path: Path) -> None:
    code = "import subprocess as s; print(s.getoutput('cat /proc/$$/status /proc/self/status'))"
    lines = run(code, tmp_path).output.decode().splitlines()
    held = [
        line.split()[1]
        for line in lines
        if line.startswith(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))
    ]
    assert len(held) == 10
    assert {int(mask, 16) for mask in held} == {0}
    assert [line for line in lines if line.startswith("NoNewPrivs")] == ["NoNewPrivs:\t1"] * 2


@LINUX
@ROOT
@pytest.mark.parametrize("apart", [True, False])
def test_it_can_look_into_none_of_those_who_began_it(tmp_path: Path, *, apart: bool) -> None:
    """The job's parent is Windmill's worker, whose environment holds more than the job's own."""
    own = {1, 2}  # apart, its own processes have these numbers; and an orphan's parent is the first of all
    others = {os.getpid(), os.getppid()} - own
    code = (
        "import os\n"
        f"for pid in {others}:\n"
        "    for name in ('environ', 'mem', 'maps'):\n"
        "        try:\n"
        "            open(f'/proc/{pid}/{name}', 'rb').read(1) and print('read', pid, name)\n"
        "        except OSError:\n"
        "            print('closed')\n"
    )
    assert run(code, tmp_path, confinement=Confinement(apart=apart)).output == b"closed\n" * 3 * len(others)


def running(name: str) -> list[str]:
    """Return the processes of this machine that have a word in their command line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if name in file.read_text(errors="replace"):
                found.append(file.parent.name)
    return found
