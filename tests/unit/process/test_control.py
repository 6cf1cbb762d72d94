"""What a process asks of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
