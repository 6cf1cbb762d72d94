"""What a process asks of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.snippets import output_of

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize("before", ["", "del os.pidfd_open"])
def test_a_childs_end_is_waited_for_and_no_longer(tmp_path: Path, before: str) -> None:
    text = f"""
        import os
        from metaflow_windmill.process.control import end_of
        {before or "pass"}
        read, write = os.pipe()
        if (child := os.fork()) == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(3)
        with end_of(child) as ended:
            ended(0.1)
            assert os.waitpid(child, os.WNOHANG) == (0, 0)
            os.close(write)
            ended(600 if hasattr(os, "pidfd_open") else 0.1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert output_of(text, tmp_path) == "3\n"
