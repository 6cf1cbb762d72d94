"""Where a job's script stands, and the name that it is imported by."""

from __future__ import annotations

import pytest

from metaflow_windmill.devserver.runner.job_directory import import_path, module_name


@pytest.mark.parametrize(
    ("path", "imported"),
    [
        ("f/a/flow-x/step", "f.a.flow_x.step"),
        ("f/a/flow-x/forloop-3/step", "f.a.flow_x.flow"),
        ("f/a/flow-x/branchall-0/loop-12/branchone-1/step", "f.a.flow_x.flow"),
        ("f/a/loops/step", "f.a.loops.step"),
        ("f/a/1st", "f.a._1st"),
    ],
)
def test_a_script_in_a_part_of_a_flow_is_imported_from_the_flow(path: str, imported: str) -> None:
    """As a real 1.788 does: so no depth of containers makes a deep folder."""
    assert module_name(import_path(path)) == imported
