"""What ``Deployer(...).windmill().create()`` returns, and what its ``trigger()`` returns."""

from __future__ import annotations

import json
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, ClassVar

from metaflow.client.core import get_metadata
from metaflow.exception import MetaflowException
from metaflow.runner.deployer import DeployedFlow, Deployer

from metaflow_extensions.windmill.plugins.windmill_triggered_run import WindmillTriggeredRun
from metaflow_windmill.cli.deployer import notebook
from metaflow_windmill.cli.deployer.commands import StandIn, answer_of, succeeds
from metaflow_windmill.cli.deployer.listings import Listing, Showing
from metaflow_windmill.cli.flow.telling.showing import RUN_HEADS, run_row
from metaflow_windmill.client.pages import flow_page, run_page
from metaflow_windmill.deployment.described.names import job_id_of, run_id_of
from metaflow_windmill.deployment.placed.ownership import record_in
from metaflow_windmill.errors import DeployError, MetaflowWindmillError
from metaflow_windmill.runs.recovery import branch_options, find, find_all, site_of, stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.runs.recovery import RecoveredFlow


_FLOW_HEADS = ("flow", "path", "owner", "package")


class WindmillDeployedFlow(DeployedFlow):  # type: ignore[misc]  # Metaflow has no types
    """A flow that is deployed on Windmill; its `name` is its path there."""

    TYPE: ClassVar[str | None] = "windmill"

    def __repr__(self) -> str:
        return f"<WindmillDeployedFlow {self.flow_name} at {self.name}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the flow's page."""
        try:
            page = self.windmill_ui
        except MetaflowWindmillError:
            return escape(repr(self))
        return notebook.flow_html(self.flow_name, self.name, page)

    @property
    def id(self) -> str:
        """What `from_deployment` takes: JSON with the path, the workspace and the host, and no secret."""
        site = self._site
        return json.dumps({"path": self.name, "workspace": site.windmill.workspace, "host": site.host})

    @property
    def windmill_ui(self) -> str:
        """The address of the flow's page."""
        return flow_page(self._site.host, self._site.windmill.workspace, self.name)

    @property
    def production_token(self) -> str | None:
        """The production token, or None if it cannot be had."""
        try:
            flow = self._site.windmill.find_flow(self.name)
            record = record_in(flow.value) if flow else None
        except MetaflowWindmillError:
            return None
        return record.token if record else None

    @classmethod
    def from_deployment(cls, identifier: str, metadata: str | None = None) -> WindmillDeployedFlow:
        """Return a deployed flow without its flow file.

        Parameters
        ----------
        identifier : str
            An `id`, the path on Windmill, the name of a flow, or ``project.branch.Flow``.
        metadata : str, optional
            Metaflow's metadata to read its runs from.

        Raises
        ------
        MetaflowException
            If there is none.
        """
        try:
            return cls._recovered(find(identifier), metadata)
        except DeployError as why:
            raise MetaflowException(str(why)) from why

    @classmethod
    def list_deployed_flows(cls, flow_name: str | None = None) -> Iterator[WindmillDeployedFlow]:
        """Yield the deployed flows of the workspace, of one flow or of all; a notebook shows a table."""
        title = f"Deployed flows named {flow_name}" if flow_name else "Deployed flows"
        showing: Showing[RecoveredFlow] = Showing(title, _FLOW_HEADS, _flow_row, _page_of)
        return Listing(find_all(flow_name), lambda found: cls._recovered(found, None), showing)

    @classmethod
    def get_triggered_run(
        cls, identifier: str, run_id: str, metadata: str | None = None
    ) -> WindmillTriggeredRun:
        """Return a run of a deployed flow by its run id, wherever it was started."""
        return cls.from_deployment(identifier, metadata).get_run(run_id)

    def trigger(self, **kwargs: object) -> WindmillTriggeredRun:
        """Start a run.

        Parameters
        ----------
        **kwargs : Any
            Values of the flow's parameters.

        Raises
        ------
        RuntimeError
            If it was not started, with what the command said.
        """
        return self._begin("trigger", kwargs)

    def resume(
        self,
        origin_run_id: str | None = None,
        step_to_rerun: str | None = None,
        **kwargs: object,
    ) -> WindmillTriggeredRun:
        """Start a run that goes on from another: what succeeded there is cloned, the rest is run.

        It runs what is deployed, which may be newer than the other run.

        Parameters
        ----------
        origin_run_id : str, optional
            A run of this flow, on Windmill or of Metaflow's own runtime; the latest run on Windmill
            if not given.
        step_to_rerun : str, optional
            A step to run anew, with all that follows it, even where it succeeded.
        **kwargs : Any
            New values of the flow's parameters; the others keep those of the other run.

        Raises
        ------
        RuntimeError
            If it was not started, with what the command said.
        """
        chosen = {"origin_run_id": origin_run_id, "step_to_rerun": step_to_rerun}
        given = {name: value for name, value in chosen.items() if value is not None}
        return self._begin("resume", kwargs, wait=False, **given)

    def list_runs(self, states: list[str] | None = None) -> Iterator[WindmillTriggeredRun]:
        """Yield the runs of this flow, newest first; a notebook shows them as a table.

        Parameters
        ----------
        states : list of str, optional
            Of PENDING, RUNNING, SUCCEEDED and FAILED; all if not given.
        """
        showing: Showing[Job] = Showing(f"Runs of {self.flow_name}", RUN_HEADS, run_row, self._page_of)
        return Listing(self._jobs(states), lambda job: self.get_run(job.id), showing)

    def get_run(self, run_id: str) -> WindmillTriggeredRun:
        """Return a run of this flow by its run id."""
        run = run_id_of(job_id_of(run_id))
        content = {"metadata": self.metadata, "pathspec": f"{self.flow_name}/{run}", "name": run}
        return WindmillTriggeredRun(deployer=self.deployer, content=json.dumps(content))

    def delete(self, **kwargs: object) -> bool:
        """Delete the deployed flow and its schedule; its runs and their data stay.

        Parameters
        ----------
        authorize : str, optional
            The production token, for a flow that somebody else deployed.

        Returns
        -------
        bool
            Whether it was done.
        """
        return succeeds(self.deployer, "delete", yes=True, **kwargs)

    def suspend(self, **kwargs: object) -> bool:
        """Turn the schedule off; return whether it was done."""
        return succeeds(self.deployer, "suspend", **kwargs)

    def unsuspend(self, **kwargs: object) -> bool:
        """Turn the schedule on again; return whether it was done."""
        return succeeds(self.deployer, "unsuspend", **kwargs)

    @cached_property
    def _site(self) -> Site:
        return site_of(self.deployer.env_vars)

    def _begin(self, name: str, parameters: dict[str, object], **options: object) -> WindmillTriggeredRun:
        """Start a run by one of the flow's commands."""
        content = answer_of(self.deployer, name, parameters, **options)
        return WindmillTriggeredRun(deployer=self.deployer, content=content)

    def _jobs(self, states: list[str] | None) -> Iterator[Job]:
        wanted = None if states is None else {state.upper() for state in states}
        for job in self._site.windmill.list_runs(self.name):
            if wanted is None or notebook.state_text(job) in wanted:
                yield job

    def _page_of(self, job: Job) -> str:
        return run_page(self._site.host, self._site.windmill.workspace, job.id)

    @classmethod
    def _recovered(cls, found: RecoveredFlow, metadata: str | None) -> WindmillDeployedFlow:
        """Return the object for a deployment, with a flow file that stands in for its own."""
        record = found.record
        file = StandIn(stand_in(record))
        environment = {"METAFLOW_USER": record.owner, **found.site.environment}
        options = branch_options(record.branch) if record.project else {}
        place = {"folder": found.folder}
        if not record.project:
            place["name"] = found.path.rpartition("/")[2]
        deployer = Deployer(file.path, env=environment, **options).windmill(**place)
        deployer.name, deployer.flow_name = found.path, record.flow
        deployer.stand_in = file
        deployer.metadata = metadata or get_metadata()
        return cls(deployer=deployer)


def _flow_row(found: RecoveredFlow) -> tuple[str, ...]:
    record = found.record
    return (record.flow, found.path, record.owner, record.package.sha[:12])


def _page_of(found: RecoveredFlow) -> str:
    return flow_page(found.site.host, found.site.windmill.workspace, found.path)
