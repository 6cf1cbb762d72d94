"""Runs a flow's commands for Metaflow's Deployer, in processes of their own, and leaves no file behind."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow.runner.utils import (
    get_lower_level_group,
    handle_timeout,
    temporary_fifo,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow.runner.deployer_impl import DeployerImpl
    from metaflow.runner.subprocess_manager import CommandManager

_ARGUMENT_LIMIT = 100_000
"""Bytes of a value that still fit into one argument of a Linux command line, which ends at 128 KiB."""


def succeeds(deployer: DeployerImpl, name: str, /, **options: object) -> bool:
    """Run one of the flow's commands; return whether it succeeded."""
    with _running(deployer, name, options) as command:
        command.sync_wait()
        return bool(command.process.returncode == 0)


def answer_of(deployer: DeployerImpl, name: str, parameters: dict[str, object], **options: object) -> str:
    """Run a command that tells what it has made by an attribute file; return that.

    Raises
    ------
    RuntimeError
        If it failed, with what it said.
    """
    with temporary_fifo() as (file, descriptor), tempfile.TemporaryDirectory() as directory:
        values = _without_long_values(parameters, Path(directory) / "parameters.json")
        told = {"deployer_attribute_file": file, **values, **options}
        with _running(deployer, name, told) as command, whole_error([command]):
            content = handle_timeout(descriptor, command, deployer.file_read_timeout)
            command.sync_wait()
            if command.process.returncode != 0:
                raise RuntimeError
    return str(content)


@contextmanager
def whole_error(commands: Iterable[CommandManager]) -> Iterator[None]:
    """Say all that the last of some commands has said, if it failed.

    Metaflow reads that as soon as the command has ended, when its threads may not have written it yet.

    Raises
    ------
    RuntimeError
    """
    try:
        yield
    except RuntimeError:
        last = next(reversed([*commands]), None)
        if last is None or last.process is None or not last.process.poll():
            raise
        last.sync_wait()
        if not Path(last.temp_dir).exists():  # it is one of before, and was told
            raise
        raise RuntimeError(_told_by(last)) from None


class StandIn:
    """A flow file that is there as long as this object, and no longer than the process.

    Parameters
    ----------
    text : str
        What is in it.
    """

    def __init__(self, text: str) -> None:
        directory = tempfile.mkdtemp(prefix="metaflow-windmill-")
        weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
        file = Path(directory) / "flow.py"
        file.write_text(text, encoding="utf-8")
        self.path = str(file)


def clean(commands: Iterable[CommandManager]) -> None:
    """Remove what commands that are over have said."""
    for command in commands:
        if command.process is not None and command.process.poll() is not None:
            command.sync_wait()  # so that nothing is written any more
            command.cleanup()


@contextmanager
def _running(deployer: DeployerImpl, name: str, options: dict[str, object]) -> Iterator[CommandManager]:
    """Start a command; remove what it said once it is no longer needed."""
    group = get_lower_level_group(
        deployer.api, deployer.top_level_kwargs, deployer.TYPE, deployer.deployer_kwargs
    )
    process = deployer.spm.run_command(
        [sys.executable, *getattr(group, name)(**options)],
        env=deployer.env_vars,
        cwd=deployer.cwd,
        show_output=deployer.show_output,
    )
    command = deployer.spm.get(process)
    try:
        yield command
    finally:
        clean([command])


def _told_by(command: CommandManager) -> str:
    files = (Path(command.log_files[stream]) for stream in ("stdout", "stderr"))
    said = (file.read_text(encoding="utf-8", errors="replace").strip() for file in files)
    return "\n\n".join(filter(None, (f"Error executing {' '.join(command.command)}:", *said)))


def _without_long_values(options: dict[str, object], file: Path) -> dict[str, object]:
    """Move values that no command line can hold into a file."""
    long = {name: value for name, value in options.items() if _is_long(value)}
    if not long:
        return options
    file.write_text(json.dumps(long), encoding="utf-8")
    rest = {name: value for name, value in options.items() if name not in long}
    return {**rest, "run_params_file": str(file)}


def _is_long(value: object) -> bool:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return len(text.encode()) > _ARGUMENT_LIMIT
