"""A flow file that runs in this process is the main program, for pools of processes too."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_FLOW = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import metaflow


@dataclass
class Row:
    size: int


class TooBigError(Exception):
    pass


def double(row):
    if row.size > 2:
        raise TooBigError(row.size)
    return Row(row.size * 2)


def of_executor(context):
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return next(pool.map(double, [Row(2)])), pool.submit(double, Row(3)).exception()


def of_pool(context):
    with context.Pool(1) as pool:
        try:
            pool.map(double, [Row(3)])
        except TooBigError as error:
            return pool.map(double, [Row(2)])[0], error


if __name__ == "__main__":
    context = multiprocessing.get_context("METHOD")
    for row, error in (of_executor(context), of_pool(context)):
        assert type(row) is Row and row.size == 4, row
        assert type(error) is TooBigError, error
"""
_JOB = """
import multiprocessing
import sys
from pathlib import Path

import metaflow
from metaflow_windmill.runtime.child.flow_file import jobs_own, run_flow_file
from metaflow_windmill.runtime.child.workplace import Workplace

if __name__ == "__main__":
    root = Path(sys.argv[1])
    place = Workplace(root, *(root / name for name in ("outcome", "failure", "stdout", "stderr")))
    raise SystemExit(run_flow_file(root / "flow.py", [], root, place, jobs_own(root)))
"""

_OWN = """
import sys
from pathlib import Path

sys.path.append(sys.argv[1])
import of_job, of_package, spread
from metaflow_windmill.runtime.child.flow_file import jobs_own

own = jobs_own(Path(sys.argv[1]))
print(sorted(own.modules), [*own.path] == [entry for entry in sys.path if entry != str(Path.cwd())])
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_pool_gives_back_objects_and_exceptions_of_the_flow_files_classes(
    tmp_path: Path, method: str
) -> None:
    """The job's own main module is another one, in another directory, as on a worker."""
    root, job = tmp_path / "package", tmp_path / "job"
    for directory in (root, job):
        directory.mkdir()
    (root / "flow.py").write_text(_FLOW.replace("METHOD", method))
    (job / "main.py").write_text(_JOB)
    command = [sys.executable, str(job / "main.py"), str(root)]
    done = subprocess.run(command, cwd=job, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_only_the_job_may_import_is_named(tmp_path: Path) -> None:
    root, job = tmp_path / "job/package", tmp_path / "job"
    for directory in (root, job):
        directory.mkdir(exist_ok=True, parents=True)
        (directory / f"of_{directory.name}.py").touch()
    (job / "spread").mkdir()
    (job / "main.py").write_text(_OWN)
    command = [sys.executable, str(job / "main.py"), str(root)]
    done = subprocess.run(command, cwd=job, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "['of_job', 'spread'] True\n", done.stderr


def test_a_child_is_spared_the_expression_for_a_token() -> None:
    program = (
        "import tokenize\n"
        "from metaflow_windmill.runtime.child.flow_file import ready_to_read_source\n"
        "assert not tokenize._compile.cache_info().currsize\n"
        "ready_to_read_source()\n"
        "assert tokenize._compile.cache_info().currsize\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
