"""What ``Deployer(...).windmill().create()`` returns, and what its ``trigger()`` returns."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from metaflow.client.core import get_metadata
from metaflow.exception import MetaflowException
from metaflow.runner.deployer import DeployedFlow, Deployer, TriggeredRun
from metaflow.runner.utils import get_lower_level_group, handle_timeout, temporary_fifo

from metaflow_windmill.cli.flow.local_metadata import fetch, is_elsewhere
from metaflow_windmill.cli.flow.recovery import branch_options, find, find_all, site_of, stand_in
from metaflow_windmill.client.models import JobState
from metaflow_windmill.client.pages import flow_page, run_page
from metaflow_windmill.deploy.names import job_id_of, run_id_of
from metaflow_windmill.deploy.ownership import record_in
from metaflow_windmill.errors import DeployError, MetaflowWindmillError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from metaflow.runner.deployer_impl import DeployerImpl

    from metaflow_windmill.cli.flow.recovery import Found
    from metaflow_windmill.client.site import Site

_STATES = {JobState.CANCELED: "FAILED"}
_ARGUMENT_LIMIT = 100_000
"""Bytes of a value that still fit into one argument of a Linux command line, which ends at 128 KiB."""


class WindmillTriggeredRun(TriggeredRun):  # type: ignore[misc]  # Metaflow has no types
    """A run that was started on Windmill; ``await run`` waits until it is over."""

    def __repr__(self) -> str:
        return f"<WindmillTriggeredRun {self.pathspec}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the run's page, and its state at this moment."""
        try:
            page, status = self.windmill_ui, self.status
        except MetaflowWindmillError:
            return escape(repr(self))  # whatever is wrong, it is told where something is asked for
        return f'<a href="{escape(page)}">{escape(self.pathspec)}</a> is {escape(status)}'

    def __await__(self) -> Generator[Any, None, WindmillTriggeredRun]:
        return self._over().__await__()

    async def _over(self) -> WindmillTriggeredRun:
        await asyncio.to_thread(self.wait_for_completion)
        return self

    @property
    def job_id(self) -> str:
        """The id of the run's job."""
        return job_id_of(self.pathspec)

    @property
    def windmill_ui(self) -> str:
        """The address of the run's page."""
        site = self._site
        return run_page(site.host, site.windmill.workspace, self.job_id)

    @property
    def run(self) -> Any:  # noqa: ANN401
        """The run as Metaflow's client has it; None until its start step has begun.

        Where metadata is local and the data is elsewhere, what the tasks have left so far is fetched first.

        Raises
        ------
        MetaflowException
            If it cannot be fetched.
        """
        if not self._complete:
            self._complete = self._fetch_metadata()
        return super().run

    @property
    def status(self) -> str:
        """PENDING, RUNNING, SUCCEEDED or FAILED: the state of Windmill's job, whatever Metaflow saw of it."""
        state = self._site.windmill.get_job(self.job_id).state
        return _STATES.get(state, state.value)

    @property
    def is_running(self) -> bool:
        """Whether the run waits or runs."""
        return self.status in ("PENDING", "RUNNING")

    def wait_for_completion(self, check_interval: float = 2, timeout: float | None = None) -> None:
        """Wait until the run is over, however it ends.

        Parameters
        ----------
        check_interval : float
            Seconds between two looks.
        timeout : float, optional
            Seconds to wait at most.

        Raises
        ------
        TimeoutError
        """
        end = None if timeout is None else time.monotonic() + timeout
        while self.is_running:
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"{self.pathspec} is not over after {timeout:g} seconds")
            time.sleep(check_interval)

    def terminate(self, **kwargs: Any) -> bool:  # noqa: ANN401
        """Stop the run, with all of its tasks.

        Parameters
        ----------
        authorize : str, optional
            The production token, for a flow that somebody else deployed.

        Returns
        -------
        bool
            Whether it was done.
        """
        return _command(self.deployer, "terminate", run_id=self.pathspec.split("/")[1], **kwargs)

    _complete = False

    def _fetch_metadata(self) -> bool:
        """Fetch what there is of the run's metadata; return whether nothing more will come."""
        try:
            job = self._site.windmill.get_job(self.job_id)
            flow = self._site.windmill.find_flow(job.path)
            record = record_in(flow.value) if flow else None
        except MetaflowWindmillError:
            return False  # Windmill cannot be asked, or has forgotten the run; the client may know it
        if record is None or not is_elsewhere(record):
            return True
        try:
            fetch(record, run_id_of(self.job_id))
        except Exception as why:
            raise MetaflowException(
                f"The metadata of {self.pathspec} cannot be fetched from {record.datastore.root} ({why}). "
                "See that this process has the settings and the credentials of the datastore."
            ) from why
        return job.state.final

    @cached_property
    def _site(self) -> Site:
        return site_of(self.deployer.env_vars)


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
        return f'<a href="{escape(page)}">{escape(self.flow_name)}</a> at {escape(self.name)}'

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
        """Yield the deployed flows of the workspace, of one flow or of all."""
        for found in find_all(flow_name):
            yield cls._recovered(found, None)

    @classmethod
    def get_triggered_run(
        cls, identifier: str, run_id: str, metadata: str | None = None
    ) -> WindmillTriggeredRun:
        """Return a run of a deployed flow by its run id, wherever it was started."""
        return cls.from_deployment(identifier, metadata).get_run(run_id)

    def trigger(self, **kwargs: Any) -> WindmillTriggeredRun:  # noqa: ANN401
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
        **kwargs: Any,  # noqa: ANN401
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
        """Yield the runs of this flow, newest first.

        Parameters
        ----------
        states : list of str, optional
            Of PENDING, RUNNING, SUCCEEDED and FAILED; all if not given.
        """
        wanted = None if states is None else {state.upper() for state in states}
        for job in self._site.windmill.list_runs(self.name):
            if wanted is None or _STATES.get(job.state, job.state.value) in wanted:
                yield self.get_run(job.id)

    def get_run(self, run_id: str) -> WindmillTriggeredRun:
        """Return a run of this flow by its run id."""
        run = run_id_of(job_id_of(run_id))
        content = {"metadata": self.metadata, "pathspec": f"{self.flow_name}/{run}", "name": run}
        return WindmillTriggeredRun(deployer=self.deployer, content=json.dumps(content))

    def delete(self, **kwargs: Any) -> bool:  # noqa: ANN401
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
        return _command(self.deployer, "delete", yes=True, **kwargs)

    def suspend(self, **kwargs: Any) -> bool:  # noqa: ANN401
        """Turn the schedule off; return whether it was done."""
        return _command(self.deployer, "suspend", **kwargs)

    def unsuspend(self, **kwargs: Any) -> bool:  # noqa: ANN401
        """Turn the schedule on again; return whether it was done."""
        return _command(self.deployer, "unsuspend", **kwargs)

    @cached_property
    def _site(self) -> Site:
        return site_of(self.deployer.env_vars)

    def _begin(self, name: str, parameters: dict[str, Any], **options: Any) -> WindmillTriggeredRun:  # noqa: ANN401
        """Start a run by one of the flow's commands."""
        with temporary_fifo() as (file, descriptor), tempfile.TemporaryDirectory() as directory:
            values = _without_long_values(parameters, Path(directory) / "parameters.json")
            command = _start(self.deployer, name, deployer_attribute_file=file, **values, **options)
            content = handle_timeout(descriptor, command, self.deployer.file_read_timeout)
            command.sync_wait()
        if command.process.returncode != 0:
            raise RuntimeError(f"Error in {name} of {self.name} on {self.TYPE}")
        return WindmillTriggeredRun(deployer=self.deployer, content=content)

    @classmethod
    def _recovered(cls, found: Found, metadata: str | None) -> WindmillDeployedFlow:
        """Return the object for a deployment, with a flow file that stands in for its own."""
        record = found.record
        with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False, encoding="utf-8") as file:
            file.write(stand_in(record))
        environment = {"METAFLOW_USER": record.owner, **found.site.environment}
        options = branch_options(record.branch) if record.project else {}
        place = {"folder": found.folder}
        if not record.project:
            place["name"] = found.path.rpartition("/")[2]
        deployer = Deployer(file.name, env=environment, **options).windmill(**place)
        deployer.name, deployer.flow_name = found.path, record.flow
        deployer.metadata = metadata or get_metadata()
        return cls(deployer=deployer)


def _command(deployer: DeployerImpl, name: str, /, **options: Any) -> bool:  # noqa: ANN401
    """Run one of the flow's commands; return whether it succeeded."""
    command = _start(deployer, name, **options)
    command.sync_wait()
    return bool(command.process.returncode == 0)


def _start(deployer: DeployerImpl, name: str, /, **options: Any) -> Any:  # noqa: ANN401
    """Start one of the flow's commands in a process of its own."""
    group = get_lower_level_group(
        deployer.api, deployer.top_level_kwargs, deployer.TYPE, deployer.deployer_kwargs
    )
    process = deployer.spm.run_command(
        [sys.executable, *getattr(group, name)(**options)],
        env=deployer.env_vars,
        cwd=deployer.cwd,
        show_output=deployer.show_output,
    )
    return deployer.spm.get(process)


def _without_long_values(options: dict[str, Any], file: Path) -> dict[str, Any]:
    """Move values that no command line can hold into a file."""
    long = {name: value for name, value in options.items() if _is_long(value)}
    if not long:
        return options
    file.write_text(json.dumps(long), encoding="utf-8")
    rest = {name: value for name, value in options.items() if name not in long}
    return {**rest, "run_params_file": str(file)}


def _is_long(value: Any) -> bool:  # noqa: ANN401
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return len(text.encode()) > _ARGUMENT_LIMIT
