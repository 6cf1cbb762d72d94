"""Every task imports Metaflow, and with it this extension: nothing of weight may come along."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.metaflow

PLUGINS = "metaflow_extensions.windmill.plugins"


def imported(module: str = "metaflow", **env: str) -> set[str]:
    """The modules that there are after an import, but for those of Python."""
    names = printed(f"import sys, {module}; print(*sys.modules)", **env)
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}


def printed(program: str, **env: str) -> set[str]:
    """The words that a program prints."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **env})
    return set(done.stdout.split())


def test_importing_metaflow_brings_nothing_but_the_names_of_this_extension(tmp_path: Path) -> None:
    without = imported(METAFLOW_EXTENSIONS_SEARCH_DIRS=str(tmp_path))
    assert not [name for name in without if "windmill" in name]
    assert imported() - without == {
        "metaflow_extensions.windmill",
        PLUGINS,
        f"{PLUGINS}.mfextinit_windmill",
        f"{PLUGINS}.windmill_decorator",
        f"{PLUGINS}.windmill_deployer",
        f"{PLUGINS}.windmill_memo",
        f"{PLUGINS}.windmill_step",
    }


def test_a_task_imports_nothing_of_weight_besides_metaflow() -> None:
    ours = imported("metaflow_windmill.runtime.task")
    weighty = {"metaflow", "requests", "urllib3", "wmill", "boto3"}
    assert {name.partition(".")[0] for name in ours} & weighty == set()
    of_other_jobs = ("client", "events", "runtime.afterwards")
    assert not [
        name for name in ours if name.startswith(tuple(f"metaflow_windmill.{x}" for x in of_other_jobs))
    ]


def test_a_job_imports_no_command_line_before_it_has_a_flow() -> None:
    """It has the options of one flow, such as `--config-value`, as it was when Metaflow made it."""
    asked = "from metaflow_windmill.runtime.child.metaflow_commands import import_metaflow as there"
    brought = printed(f"import sys; {asked}; there(); print(*sys.modules)")
    assert "metaflow.runtime" in brought
    assert "metaflow.cli" not in brought


@pytest.mark.parametrize("command", ["trigger", "status", "logs"])
def test_a_command_that_compiles_nothing_imports_no_compiler(command: str) -> None:
    """So it starts about as fast as Metaflow's own commands: each module costs a millisecond or two."""
    group = "metaflow_windmill.cli.flow.group as group"
    asked = f'{group}; group.cli.commands["windmill"].commands["{command}"]'
    before = "metaflow.cli, requests; before = set(sys.modules)"
    brought = printed(f"import sys, {before}; import {asked}; print(*set(sys.modules) - before)")
    ours = {name for name in brought if name.partition(".")[0] == "metaflow_windmill"}
    # Python's own modules take time as well; the lowest Metaflow imports no dataclasses.
    assert brought - ours <= {"dataclasses", "difflib", "gc"}
    rooms = (
        "compiler",
        "graph",
        "openflow",
        "package",
        "devserver",
        "workspace",
        "deployment.placed.upsert",
        "deployment.assembled.assemble",
    )
    assert not [name for name in ours if name.removeprefix("metaflow_windmill.").startswith(rooms)]
    assert len(ours) <= 64  # a dozen of them are empty: those of the rooms around


def test_the_end_of_a_command_does_not_go_through_all_that_metaflow_made(tmp_path: Path) -> None:
    """Python's collector would, twice, for longer than most commands take."""
    file = tmp_path / "flow.py"
    file.write_text(
        "import atexit, gc\n"
        "from metaflow import FlowSpec, step\n"
        "class OneFlow(FlowSpec):\n"
        "    @step(start=True, end=True)\n"
        "    def only(self):\n"
        "        pass\n"
        "atexit.register(lambda: print('left out:', gc.get_freeze_count()))\n"
        "if __name__ == '__main__':\n"
        "    OneFlow()\n"
    )
    command = [sys.executable, str(file), "--no-pylint", "windmill", "status"]
    env = {**os.environ, "WINDMILL_HOST": "none of an address", "METAFLOW_USER": "ada"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "is not an address" in done.stderr
    assert int(done.stdout.rpartition(":")[2]) > 10_000


def test_a_command_watches_what_a_flow_reads_without_the_rest_of_the_room() -> None:
    """Metaflow loads it with the extension, before it knows which command is meant."""
    ours = {name for name in imported("metaflow_windmill.package.reads") if "windmill" in name}
    assert ours == {"metaflow_windmill", "metaflow_windmill.package", "metaflow_windmill.package.reads"}
