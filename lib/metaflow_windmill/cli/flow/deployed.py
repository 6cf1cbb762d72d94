"""What most commands begin with: the deployment that is meant, on its server, and one of its runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.options.shared import server_of
from metaflow_windmill.cli.flow.options.token_options import wish_of
from metaflow_windmill.deployment.assembled.deployment_target import Target, TargetOptions, meant
from metaflow_windmill.deployment.described.names import job_id_of
from metaflow_windmill.deployment.placed.ownership import check_allowed, our_record
from metaflow_windmill.errors import DeployError, NotFound

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Flow, Job
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.internals.deploying import CliState

run_argument = click.argument("run_id", metavar="[RUN]", required=False, default=None)
"""The last run where none is named."""
authorize_option = click.option(
    "--authorize", default=None, help="The production token, for a flow that somebody else deployed."
)
yes_option = click.option("--yes", is_flag=True, default=False, help="Do not ask.")
json_option = click.option(
    "--json", "as_json", is_flag=True, default=False, help="Print JSON, for a program to read."
)


@dataclass(frozen=True)
class Deployment:
    """A deployment that is there."""

    meant: Target
    site: Site
    flow: Flow
    record: Record

    @property
    def path(self) -> str:
        """Its path."""
        return self.meant.path

    def check_allowed(self, authorize: str | None, action: str) -> None:
        """Let through who may change it; `NotOurs` for everybody else."""
        from metaflow.util import get_username

        wish = wish_of(self.meant.identity, authorize=authorize)
        check_allowed(self.record, get_username(), wish, action)

    def run(self, run_id: str | None) -> Job:
        """Return one of its runs, or the last one.

        Raises
        ------
        DeployError
            If there is no such run, or it is one of another flow.
        """
        if run_id is None:
            return self._last()
        job_id = job_id_of(run_id)
        try:
            job = self.site.windmill.get_job(job_id)
        except NotFound:
            raise DeployError(f"there is no run {run_id} in the workspace {self.site.workspace}") from None
        if job.path != self.path:
            raise DeployError(f"{run_id} is a run of {job.path or 'something else'}, not of {self.path}")
        return job

    def _last(self) -> Job:
        job = next(self.site.windmill.list_runs(self.path), None)
        if job is None:
            raise DeployError(f"{self.path} has no run yet; start one with `windmill trigger`")
        return self.site.windmill.get_job(job.id)


def deployed(obj: CliState, given: TargetOptions) -> Deployment:
    """Return the deployment that the options mean.

    Raises
    ------
    DeployError
        If it is not there.
    NotOurs
        If something else is in its place.
    """
    target = meant(obj, given)
    site = server_of(target.given)
    flow = site.find_flow(target.path)
    if flow is None:
        raise DeployError(
            f"{target.identity} is not deployed at {target.path} in the workspace {site.workspace}; "
            "deploy it with `windmill create` first"
        )
    return Deployment(target, site, flow, our_record(flow, target.identity))
