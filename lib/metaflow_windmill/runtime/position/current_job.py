"""What Windmill tells a job of itself, by environment variables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSIDE = re.compile(r"(/(forloop|loop|branchone|branchall)-\d+)+$")


@dataclass(frozen=True)
class CurrentJob:
    """The job that runs a task; what Windmill did not tell is empty.

    Parameters
    ----------
    id, workspace : str
    flow : str
        The job that this one is a step of: that of the flow, or of a loop's iteration, or of a
        branch.
    run : str
        The job of the whole flow; of the inner one, where one flow is a step of another.
    root : str
        The outermost job.
    step : str
        The id of the module.
    flow_path : str
        The path of the deployed flow.
    server, page_server : str
        The addresses of Windmill for its workers and for people.
    schedule : str
        The path of the schedule that started the run.
    """

    id: str = ""
    workspace: str = ""
    flow: str = ""
    run: str = ""
    root: str = ""
    step: str = ""
    flow_path: str = ""
    server: str = ""
    page_server: str = ""
    schedule: str = ""

    @property
    def page(self) -> str:
        """The address of the job's page, or nothing."""
        return f"{self.page_server}/run/{self.id}?workspace={self.workspace}" if self.page_server else ""


def read_job(environment: Mapping[str, str]) -> CurrentJob:
    """Read the variables that Windmill sets for each job (facts of its worker, not of its API)."""

    def said(*names: str) -> str:
        return next((environment[name] for name in names if environment.get(name)), "")

    return CurrentJob(
        id=said("WM_JOB_ID"),
        workspace=said("WM_WORKSPACE"),
        flow=said("WM_FLOW_JOB_ID"),
        run=said("WM_ROOT_FLOW_JOB_ID", "WM_FLOW_JOB_ID"),
        root=said("WM_ROOT_JOB_ID", "WM_ROOT_FLOW_JOB_ID", "WM_FLOW_JOB_ID"),
        step=said("WM_FLOW_STEP_ID"),
        flow_path=_INSIDE.sub("", said("WM_FLOW_PATH")),
        server=said("BASE_INTERNAL_URL", "WM_BASE_URL").rstrip("/"),
        page_server=said("WM_BASE_URL").rstrip("/"),
        schedule=said("WM_SCHEDULE_PATH"),
    )
