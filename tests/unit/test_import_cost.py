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
    command = [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **env})
    return {name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}


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


@pytest.mark.parametrize("command", ["trigger", "status", "logs"])
def test_a_command_that_compiles_nothing_imports_no_compiler(command: str) -> None:
    """So it starts about as fast as Metaflow's own commands: each module costs a millisecond or two."""
    group = "metaflow_windmill.cli.flow.group as group"
    asked = f'{group}; group.cli.commands["windmill"].commands["{command}"]'
    ours = imported(f"metaflow.cli, requests, {asked}") - imported("metaflow.cli, requests")
    assert {name.partition(".")[0] for name in ours} == {"metaflow_windmill"}
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
    assert len(ours) <= 60  # a dozen of them are empty: those of the rooms around


def test_a_command_watches_what_a_flow_reads_without_the_rest_of_the_room() -> None:
    """Metaflow loads it with the extension, before it knows which command is meant."""
    ours = {name for name in imported("metaflow_windmill.package.reads") if "windmill" in name}
    assert ours == {"metaflow_windmill", "metaflow_windmill.package", "metaflow_windmill.package.reads"}
