from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.support.snippets import output_of

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "the-secret-of-the-job"

TELL = """
    import json, os, subprocess, sys
    {before}
    from metaflow_windmill.runtime.secrecy import take_token
    token = take_token()
    here = open("/proc/self/environ", "rb").read().decode()
    of_parent = "import os; print(open(f'/proc/{{os.getppid()}}/environ').read())"
    child = subprocess.run([sys.executable, "-c", of_parent], capture_output=True, text=True)
    own = subprocess.check_output(["env"], text=True)
    print(json.dumps([token, dict(os.environ), here, child.stdout, own]))
"""


@pytest.mark.parametrize(
    ("env", "before"),
    [
        ({"A": "1", "WM_TOKEN": SECRET, "NOT_WM_TOKEN": "kept"}, ""),
        ({"WM_TOKEN": SECRET}, ""),
        ({"WM_TOKEN": SECRET}, "os.environ['WM_TOKEN'] = os.environ['WM_TOKEN']"),
        ({"A": "WM_TOKEN=", "WM_TOKEN": SECRET}, ""),
    ],
    ids=["between others", "the first", "set again", "named by another"],
)
def test_the_token_is_taken_and_leaves_no_trace(tmp_path: Path, env: dict[str, str], before: str) -> None:
    token, *places = json.loads(output_of(TELL.format(before=before), tmp_path, env=env))
    assert token == SECRET
    assert SECRET not in json.dumps(places)
    environment, here, _, own = places
    for name, value in env.items():
        if name != "WM_TOKEN":
            assert environment[name] == value
            assert f"{name}={value}" in here
            assert f"{name}={value}" in own


def test_without_a_token_there_is_nothing_to_take(tmp_path: Path) -> None:
    assert json.loads(output_of(TELL.format(before=""), tmp_path))[0] == ""


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    text = """
        import os, signal, sys, time
        from metaflow_windmill.process.control import die_with_parent
        read, write = os.pipe()
        if os.fork() == 0:  # the parent
            if os.fork() == 0:  # the child
                os.close(read)
                die_with_parent(os.getppid(), signal.SIGKILL)
                os.write(write, b"ready")
                time.sleep(60)
                os._exit(0)
            os.close(write)
            assert os.read(read, 5) == b"ready"
            os._exit(0)
        os.close(write)
        os.wait()
        while os.read(read, 5):  # ends when the child has gone, and its end of the pipe with it
            pass
        print("both are gone")
    """
    assert output_of(text, tmp_path) == "both are gone\n"
