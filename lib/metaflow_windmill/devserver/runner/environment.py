"""The environment of a job: nothing of the server's own but what every program needs."""

from __future__ import annotations

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
    job: RunnableJob, worker: Mapping[str, str], python_path: str | None = None
) -> dict[str, str]:
    """Return the whole environment of a job.

    Parameters
    ----------
    job : RunnableJob
        Brings the ``WM_*`` variables and those of its workspace.
    worker : mapping of str to str
        The worker's own environment.
    python_path : str or None
        Where the packages of the job's requirements are.
    """
    named = [name.strip() for name in worker.get(WHITELIST, "").split(",") if name.strip()]
    kept = {name: worker[name] for name in (*KEPT, *named) if name in worker}
    script = dict(pair.split("=", 1) for pair in job.code.envs if "=" in pair)
    paths = {"PYTHONPATH": python_path} if python_path else {}
    return {"TZ": "UTC", **kept, **script, **paths, **job.environment}
