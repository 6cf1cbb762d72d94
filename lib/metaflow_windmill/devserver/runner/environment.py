"""The environment of a job: nothing of the server's own but what every program needs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.devserver.model import RunnableJob

KEPT = (
    "HOME",
    "PATH",
    "LANG",
    "TZ",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
WHITELIST = "WHITELIST_ENVS"
"""A worker hands on the variables that this one names, separated by commas, as a real one does."""


def job_environment(
    job: RunnableJob, worker: Mapping[str, str], packages: Path | None = None, path: str | None = None
) -> dict[str, str]:
    """Return the whole environment of a job.

    Parameters
    ----------
    job : RunnableJob
        Brings the ``WM_*`` variables and those of its workspace.
    worker : mapping of str to str
        The worker's own environment.
    packages : Path or None
        Where the packages of the job's requirements are.
    path : str or None
        Where the job finds programs; None for where the worker finds them.
    """
    named = [name.strip() for name in worker.get(WHITELIST, "").split(",") if name.strip()]
    kept = {name: worker[name] for name in (*KEPT, *named) if name in worker}
    script = dict(pair.split("=", 1) for pair in job.code.envs if "=" in pair)
    paths = {"PYTHONPATH": str(packages)} if packages else {}
    programs = {"PATH": path} if path else {}
    return {"TZ": "UTC", **kept, **programs, **script, **paths, **job.environment}


def path_of_jobs(path: str, tools: Path | None = None) -> str:
    """Return a search path without the server's own environment, whose programs see the server's packages.

    Parameters
    ----------
    path : str
        The server's.
    tools : Path, optional
        A folder that comes last, with the programs that a real worker has.
    """
    own = Path(sys.prefix).resolve() / "bin" if sys.prefix != sys.base_prefix else None
    folders = [folder for folder in path.split(os.pathsep) if folder and Path(folder).resolve() != own]
    return os.pathsep.join([*folders, *([str(tools)] if tools else [])])
