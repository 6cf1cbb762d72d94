"""Forked children: what they get, how they end, what becomes of their output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.snippets import output_of, run_program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.metaflow

RUN = """
    import atexit, os, signal, subprocess, sys, threading, time
    from pathlib import Path
    import metaflow
    from metaflow_windmill.runtime.output.log_streams import LogStream
    from metaflow_windmill.process.child import run_child
    from metaflow_windmill.process.leftovers import children_of
    from metaflow_windmill.runtime.output.saver import Saver

    streams = [LogStream(1, Path("stdout")), LogStream(2, Path("stderr"))]
    saves = []

    def save():
        saves.append(Path("stdout").read_bytes())

    def run(body, first=0.25):
        saver = Saver(save, streams, first)
        return run_child(body, streams, saver, check=saver.check)

    {text}
"""


def program(text: str) -> str:
    return RUN.format(text=text.replace("\n", "\n    "))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("lambda: 0", 0),
        ("lambda: 7", 7),
        ("lambda: 1 / 0", 1),
        ("lambda: sys.exit(5)", 1),
        ("lambda: os._exit(5)", 5),
        ("lambda: os.kill(os.getpid(), signal.SIGKILL)", -9),
    ],
)
def test_the_status_is_told(tmp_path: Path, body: str, status: int) -> None:
    assert output_of(program(f"print(run({body}))"), tmp_path).endswith(f"{status}\n")


def test_a_child_ends_as_a_program_does(tmp_path: Path) -> None:
    text = """
def body():
    atexit.register(print, "exit handler")
    told = threading.Event()
    threading.Thread(target=lambda: (told.wait(), time.sleep(0.2), print("thread"))).start()
    print(sys.stdin.read() == "", "body", end="; ")
    told.set()
    return 0
print("before", end="; ")
print(run(body))
"""
    assert output_of(program(text), tmp_path) == "before; True body; thread\nexit handler\n0\n"


def test_nothing_of_the_parent_runs_in_the_child(tmp_path: Path) -> None:
    text = """
try:
    run(lambda: print("once") or 0)
finally:
    print("after")
"""
    assert output_of(program(text), tmp_path) == "once\nafter\n"


def test_output_is_kept_as_metaflow_keeps_it(tmp_path: Path) -> None:
    text = r"""
def body():
    os.write(1, b"one\ntw")
    time.sleep(0.3)
    os.write(1, b"o\n\nno end")
    os.write(2, b"\xff error\n")
    return 0
run(body)
for stream in streams:
    stream.size()
"""
    done = run_program(program(text), tmp_path)
    assert (done.stdout, done.stderr) == (b"one\ntwo\n\nno end", b"\xff error\n")
    lines = (tmp_path / "stdout").read_bytes().split(b"\n")
    assert [line.partition(b"]")[2] for line in lines] == [b"one", b"two", b"", b"no end"]
    assert all(line.startswith(b"[MFLOG|0|20") for line in lines)
    ids = [line.split(b"|")[4].partition(b"]")[0] for line in lines]
    assert ids == sorted(set(ids))


def test_logs_are_saved_while_the_child_runs_and_only_when_there_is_more(tmp_path: Path) -> None:
    text = """
def body():
    print("first")
    while not Path("gate").exists():
        time.sleep(0.02)
    return 0

def save():
    saves.append(Path("stdout").read_bytes())
    if len(saves) == 1:
        raise OSError("the datastore is away")
    Path("gate").touch()

run(body)
print(len(saves), all(b"first" in save for save in saves))
"""
    assert output_of(program(text), tmp_path) == "first\n2 True\n"


LEAVES = {
    "quiet": "subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)",
    "holding the pipes": "subprocess.Popen(['sleep', '600'])",
    "printing": "subprocess.Popen(['sh', '-c', 'while :; do echo more; sleep 0.01; done'])",
    "in a session of its own": "subprocess.Popen(['sleep', '600'], start_new_session=True)",
    "orphaned": "subprocess.run(['sh', '-c', 'setsid sh -c \"sleep 600 & sleep 600\" & exit 0'])",
    "deaf to signals": "subprocess.Popen(['sh', '-c', 'trap \"\" TERM HUP INT; sleep 600'])",
    "always another": "subprocess.Popen([sys.executable, '-c', FORKING], start_new_session=True)",
}


@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES)
def test_what_a_child_leaves_running_ends_with_it(tmp_path: Path, leave: str) -> None:
    text = f"""
FORKING = "import os, time\\nfor _ in range(100000): os.fork() and os._exit(0)"
mine = subprocess.Popen(["sleep", "600"])
def body():
    {leave}
    return 3
began = time.monotonic()
status = run(body)
print(f"status {{status}}", time.monotonic() - began < 20, mine.poll())
print([pid for pid in children_of(os.getpid()) if pid != mine.pid])
mine.kill(), mine.wait()
"""
    said = output_of(program(text), tmp_path)
    assert said.endswith("status 3 True None\n[]\n"), said


def test_what_a_child_leaves_running_may_write_its_last_lines(tmp_path: Path) -> None:
    text = """
def body():
    subprocess.Popen(["sh", "-c", "sleep 0.05; echo last words"])
    return 0
print(run(body))
"""
    assert output_of(program(text), tmp_path) == "last words\n0\n"


@pytest.mark.parametrize("secret", ["", "hunter2hunter2"])
def test_a_progress_bar_is_seen_while_it_moves(tmp_path: Path, secret: str) -> None:
    text = f"""
from metaflow_windmill.runtime.output.masking import Mask
streams = [LogStream(1, Path("stdout"), Mask(({secret!r},) if {secret!r} else ())), streams[1]]
def body():
    os.write(1, b"10 %\\r")
    while not Path("seen").exists():
        time.sleep(0.02)
    os.write(1, b"20 %\\n")
    return 0
def save():
    if Path("stdout").read_bytes().endswith(b"10 %\\r"):
        Path("seen").touch()
print(run(body))
"""
    assert output_of(program(text), tmp_path) == "10 %\r20 %\n0\n"


def test_a_child_is_killed_when_its_parent_is_interrupted(tmp_path: Path) -> None:
    text = """
def body():
    Path("pid").write_text(str(os.getpid()))
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(1000)
try:
    run(body)
except KeyboardInterrupt:
    print(Path(f"/proc/{Path('pid').read_text()}").exists())
"""
    assert output_of(program(text), tmp_path) == "False\n"


def test_an_interrupt_in_the_moment_of_the_fork_is_not_forgotten(tmp_path: Path) -> None:
    text = """
os.register_at_fork(after_in_parent=lambda: signal.raise_signal(signal.SIGINT))
try:
    run(lambda: time.sleep(1000))
except KeyboardInterrupt:
    print(children_of(os.getpid()))
"""
    assert output_of(program(text), tmp_path) == "[]\n"


def test_a_child_that_is_over_soon_pays_for_no_thread(tmp_path: Path) -> None:
    text = """
begun = set()
threading.setprofile(lambda *_: begun.add(threading.current_thread().name))
run(lambda: 0, first=600)
print(begun)
def body():
    while not Path("saved").exists():
        os.write(1, b".")
        time.sleep(0.05)
    return 0
def save():
    Path("saved").touch()
run(body)
print("", "save-logs" in begun)
"""
    said = output_of(program(text), tmp_path).splitlines()
    assert (said[0], said[-1].lstrip(".")) == ("set()", " True")


def test_a_child_can_be_interrupted(tmp_path: Path) -> None:
    text = """
print(run(lambda: len(signal.pthread_sigmask(signal.SIG_BLOCK, []))))
"""
    assert output_of(program(text), tmp_path) == "0\n"


def test_large_output_is_not_held_in_memory(tmp_path: Path) -> None:
    text = """
import resource
def body():
    line = b"x" * 9_999 + b"\\n"
    for _ in range(20_000):
        os.write(1, line)
    return 0
streams[0] = LogStream(os.open(os.devnull, os.O_WRONLY), Path("stdout"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run(body)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(streams[0].size() > 200_000_000, after - before < 30_000)
"""
    quiet = program(text).replace('saves.append(Path("stdout").read_bytes())', "pass")
    assert output_of(quiet, tmp_path) == "True True\n"


def test_a_file_is_read_whole_without_a_copy(tmp_path: Path) -> None:
    text = """
    import mmap
    from metaflow_windmill.runtime.output.log_streams import MappedFile
    for content in (b"", b"some text"):
        open("file", "wb").write(content)
        with MappedFile("file") as file:
            print(bytes(file.read()) == content, file.read(4), isinstance(file.read(), mmap.mmap))
    """
    expected = "True b'' False\nTrue b'some' True\n"
    assert output_of(text, tmp_path) == expected


@pytest.mark.parametrize("first", ["", "os.close(1); os.close(2)"])
def test_a_child_that_takes_too_long_is_killed_with_what_it_began(tmp_path: Path, first: str) -> None:
    text = f"""
def body():
    pid = subprocess.Popen(["sleep", "600"]).pid
    Path("began").write_text(str(pid))
    {first or "pass"}
    time.sleep(600)
    return 0
for seconds in (2, 50):  # on a busy machine it may not have begun within the first of them
    try:
        saver = Saver(save, streams)
        run_child(body, streams, saver, time.time() + seconds, saver.check)
    except TimeoutError:
        print("too long")
    if Path("began").exists() and Path("began").read_text():
        break
pid = Path("began").read_text()
state = Path(f"/proc/{{pid}}/stat")
while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z":
    time.sleep(0.05)
"""
    assert output_of(program(text), tmp_path).endswith("too long\n")
