"""Compiles one flow: its file runs in a process of its own, apart from the job and what the job may do.

The process gets a private home and datastore, no token, no address of Windmill and no
credential: what it saves, the job looks at and carries to the real datastore (`stores`).
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.deployment.described.git_origin import telling
from metaflow_windmill.errors import CompileError
from metaflow_windmill.package.script import step_script
from metaflow_windmill.process.confined import Confinement, Finished, run_confined
from metaflow_windmill.workspace.compiling.notifying import options_of
from metaflow_windmill.workspace.compiling.packaged import lay_out
from metaflow_windmill.workspace.compiling.vetting import Vetted, vet, without_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.contract.record import GitInfo
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.compiling.configuration import Configuration
    from metaflow_windmill.workspace.compiling.discovery import FlowFile
    from metaflow_windmill.workspace.compiling.environments import Environment

_SHOWN = 4000
_NOTE, _MOST_NOTES, _LONGEST_NOTE = "Note: ", 10, 500
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_KEPT_FROM_CHILDREN = (
    "KEY", "TOKEN", "SECRET", "HEADERS", "PASSWORD", "CREDENTIAL", "AUTH", "PARAMS", "SESSION",
    "METAFLOW_USER", "METAFLOW_HOME", "METAFLOW_PROFILE", "METAFLOW_SERVICE_", "SYSROOT", "LOCALROOT",
    "_DEFAULT_", "_HOST",
)  # fmt: skip


@dataclass(frozen=True)
class Compiled:
    """What a flow's own process answered with, and what it saved.

    Parameters
    ----------
    vetted : Vetted
    saved : Path
        Its private datastore.
    seconds : float
    notes : tuple of str
        What it said besides, a sentence each.
    """

    vetted: Vetted
    saved: Path
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scratch:
    """The private folders of one compilation."""

    home: Path
    saved: Path
    sources: Path

    @classmethod
    def under(cls, folder: Path) -> Scratch:
        """Make the folders."""
        for name in ("home", "saved", "saved/files", "sources"):
            (folder / name).mkdir(mode=0o700, parents=True)
        return cls(folder / "home", folder / "saved", folder / "sources")


def compile_flow_file(
    root: Path,
    flow: FlowFile,
    configuration: Configuration,
    environment: Environment,
    *,
    owner: str,
    git: GitInfo,
    folder: Path,
) -> Compiled:
    """Compile the flow of a file.

    Parameters
    ----------
    root : Path
        Of the checkout.
    flow : FlowFile
    configuration : Configuration
    environment : Environment
        The Python to compile with.
    owner : str
        The Metaflow user whom the deployment belongs to.
    git : GitInfo
        Where the file comes from.
    folder : Path
        An empty folder for all that the process writes.

    Raises
    ------
    CompileError
        With what the process said, if it did not end well.
    InvalidDocument
        If what it printed is not a flow that this library compiles.
    """
    scratch = Scratch.under(folder)
    lay_out(root, flow.path, flow.packaged, scratch.sources)
    begun = time.monotonic()
    done = run_confined(
        [str(environment.python), *command_line(root / flow.path, flow, configuration, scratch)],
        directory=(root / flow.path).parent,
        environment=child_environment(environment, scratch, owner=owner, git=git),
        confinement=Confinement(configuration.compile_seconds, configuration.compile_megabytes),
    )
    document = without_secrets(_document(done, flow))
    seconds = time.monotonic() - begun
    return Compiled(vet(document, step_script()), scratch.saved, seconds, _notes(done, root))


def command_line(file: Path, flow: FlowFile, configuration: Configuration, scratch: Scratch) -> list[str]:
    """Return the arguments of Python that print a flow's document."""
    project = []
    if flow.project and configuration.production:
        project.append("--production")
    if flow.project and configuration.project_branch:
        project += ["--branch", configuration.project_branch]
    top = [
        "--quiet",
        "--no-pylint",
        "--metadata=local",
        "--datastore=local",
        f"--datastore-root={scratch.saved}",
        *(["--environment=pypi"] if flow.packages else []),
    ]
    # What the repository requires becomes pins of every step, and only the job knows those.
    options = ["--only-json", "--requirements=none", f"--folder={configuration.folder}"]
    if configuration.max_workers:
        options.append(f"--max-workers={configuration.max_workers}")
    if configuration.pack:
        options.append(f"--pack={configuration.pack}")
    if configuration.memo:
        options.append("--memo")
    if configuration.retry_lost >= 0:
        options.append(f"--retry-lost={configuration.retry_lost}")
    return [str(file), *top, *project, "windmill", "create", *options, *options_of(configuration)]


def child_environment(
    environment: Environment, scratch: Scratch, *, owner: str, git: GitInfo
) -> dict[str, str]:
    """Return the whole environment of a compiling process.

    Of the job's own it gets only the search path and what Metaflow is told of places and
    settings; nothing of Windmill and no credential of any kind.
    """
    settings = {name: value for name, value in os.environ.items() if _is_plain_setting(name)}
    return {
        **settings,
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "TZ": os.environ.get("TZ", "UTC"),
        "PYTHONPATH": os.pathsep.join((str(scratch.sources), *environment.search)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "HOME": str(scratch.home),
        "TMPDIR": str(scratch.home),
        "METAFLOW_HOME": str(scratch.home),
        "METAFLOW_USER": owner,
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(scratch.home),
        "METAFLOW_DATATOOLS_LOCALROOT": str(scratch.saved / "files"),
        **telling(git),
    }


def _is_plain_setting(name: str) -> bool:
    return name.startswith("METAFLOW_") and not any(part in name for part in _KEPT_FROM_CHILDREN)


def _document(done: Finished, flow: FlowFile) -> Json:
    if done.stopped:
        raise CompileError(f"Compiling {flow.path} was stopped: {done.stopped}. It said: {_said(done)}")
    if done.status < 0:
        raise CompileError(
            f"Compiling {flow.path} was ended by signal {-done.status}: it may have used more memory or time "
            f"than it is allowed. Raise 'compile_megabytes' or 'compile_seconds'. It said: {_said(done)}"
        )
    if done.status != 0:
        raise CompileError(f"{flow.path} does not compile. It said: {_said(done)}")
    document = _last_json(done.output.decode(errors="replace"))
    if document is None:
        raise CompileError(f"{flow.path} ended without a compiled flow; as a program, it must run its flow.")
    return document


def _notes(done: Finished, root: Path) -> tuple[str, ...]:
    """Return what the process remarked; paths begin in the checkout."""
    lines = _CONTROL.sub("", done.errors).replace(f"{root}/", "").splitlines()
    said = (line.removeprefix(_NOTE) for line in lines if line.startswith(_NOTE))
    return tuple(line[:_LONGEST_NOTE] for line in said)[:_MOST_NOTES]


def _last_json(output: str) -> Json:
    """Return the object that ends the output: a flow's file may print things of its own before."""
    lines = output.splitlines(keepends=True)
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith("{"):
            try:
                return json.loads("".join(lines[index:]))
            except (ValueError, RecursionError):
                continue
    return None


def _said(done: Finished) -> str:
    """Return the end of what the process said, without what terminals and Windmill take for more than text.

    Windmill replaces NUL characters in results, also where they only stand as text.
    """
    text = done.errors.strip() or done.output.decode(errors="replace").strip()
    plain = _CONTROL.sub("", text).replace("\\u0000", "\\0")
    return plain[-_SHOWN:] or "nothing"
