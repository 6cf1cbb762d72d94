"""What a command of the Deployer that failed has said, and what is left of it."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import pytest
from metaflow.runner.subprocess_manager import SubprocessManager

from metaflow_windmill.cli.deployer.commands import StandIn, clean, whole_error

pytestmark = pytest.mark.metaflow

LATE = "import sys, time; print('the reason', file=sys.stderr); sys.exit(1)"


def started(program: str) -> tuple[Any, Any]:
    manager = SubprocessManager()
    return manager, manager.get(manager.run_command([sys.executable, "-c", program], env={}))


def test_all_that_a_command_said_is_told_whenever_it_came() -> None:
    manager, command = started(LATE)
    command.process.wait()
    with pytest.raises(RuntimeError, match="the reason"), whole_error(manager.commands.values()):
        raise RuntimeError("said before the reason was written")
    clean(manager.commands.values())
    assert not Path(command.temp_dir).exists()
    with pytest.raises(RuntimeError, match="another one"), whole_error(manager.commands.values()):
        raise RuntimeError("another one")


def test_what_goes_wrong_before_any_command_is_told_as_it_is() -> None:
    with pytest.raises(RuntimeError, match="no command"), whole_error([]):
        raise RuntimeError("no command")


def test_a_flow_file_is_there_as_long_as_whoever_has_it() -> None:
    file = StandIn("text")
    path = Path(file.path)
    assert path.read_text() == "text"
    del file
    gc.collect()
    assert not path.parent.exists()
