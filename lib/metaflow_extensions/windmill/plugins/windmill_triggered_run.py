"""What ``trigger()`` of a deployed flow returns."""

from __future__ import annotations

import asyncio
import sys
import time
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from metaflow.exception import MetaflowException
from metaflow.runner.deployer import TriggeredRun

from metaflow_windmill.cli.deployer import notebook
from metaflow_windmill.cli.deployer.commands import succeeds
from metaflow_windmill.cli.deployer.live import Displays
from metaflow_windmill.cli.flow.telling.asking import asks, whom
from metaflow_windmill.client.pages import run_page
from metaflow_windmill.deployment.described.names import job_id_of, run_id_of
from metaflow_windmill.deployment.placed.ownership import record_in
from metaflow_windmill.errors import DeployError, MetaflowWindmillError
from metaflow_windmill.runs.approvals import answer, check_answers, chosen, questions
from metaflow_windmill.runs.recovery import site_of
from metaflow_windmill.runtime.child.local_metadata import fetch, is_elsewhere

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from metaflow import Run

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.runs.approvals import Question
    from metaflow_windmill.types import Json


class WindmillTriggeredRun(TriggeredRun):  # type: ignore[misc]  # Metaflow has no types
    """A run that was started on Windmill; ``await run`` waits until it is over.

    A notebook shows it with its page and its state. While it is waited for, what is shown follows it.
    """

    def __repr__(self) -> str:
        return f"<WindmillTriggeredRun {self.pathspec}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the run's page, and its state at this moment."""
        try:
            return self._html(self._job())
        except MetaflowWindmillError:
            return escape(repr(self))  # whatever is wrong, it is told where something is asked for

    def _ipython_display_(self) -> None:
        """Show it in a place of its own, which changes while the run is waited for."""
        self._displays.show({"text/plain": repr(self), "text/html": self._repr_html_()})

    def __await__(self) -> Generator[Any, None, WindmillTriggeredRun]:
        return self._over().__await__()

    async def _over(self, check_interval: float = 2) -> WindmillTriggeredRun:
        """Wait in an event loop; what is shown is changed in the loop's thread, as notebooks want it."""
        while not (job := await asyncio.to_thread(self._job)).state.final:
            self._follow(job)
            await asyncio.to_thread(self._tell_questions, job)
            await asyncio.sleep(check_interval)
        self._follow(job)
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
    def run(self) -> Run | None:
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
        return notebook.state_text(self._job())

    @property
    def is_running(self) -> bool:
        """Whether the run waits or runs."""
        return not self._job().state.final

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
        while not (job := self._job()).state.final:
            self._follow(job)
            self._tell_questions(job)
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"{self.pathspec} is not over after {timeout:g} seconds")
            time.sleep(check_interval)
        self._follow(job)

    def terminate(self, **kwargs: object) -> bool:
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
        return succeeds(self.deployer, "terminate", run_id=self.pathspec.split("/")[1], **kwargs)

    _complete = False
    _value: Json = None
    _told: Sequence[str] = ()

    def _fetch_metadata(self) -> bool:
        """Fetch what there is of the run's metadata; return whether nothing more will come."""
        try:
            job = self._job()
            flow = self._site.windmill.find_flow(job.path)
            record = record_in(flow.value) if flow else None
        except MetaflowWindmillError:
            return False  # Windmill cannot be asked, or has forgotten the run; the client may know it
        if record is None or not is_elsewhere(record.metadata.type, record.datastore.type):
            return True
        try:
            fetch(record.datastore, record.flow, run_id_of(self.job_id))
        except Exception as why:
            raise MetaflowException(
                f"The metadata of {self.pathspec} cannot be fetched from {record.datastore.root} ({why}). "
                "See that this process has the settings and the credentials of the datastore."
            ) from why
        return job.state.final

    def _job(self) -> Job:
        return self._site.windmill.get_job(self.job_id)

    def _html(self, job: Job) -> str:
        return notebook.run_html(self.pathspec, self.windmill_ui, job)

    def _follow(self, job: Job) -> None:
        self._displays.update({"text/plain": repr(self), "text/html": self._html(job)})

    @property
    def questions(self) -> list[Question]:
        """What the run asks people now, each with its `task`, its text `ask` and its `fields`.

        `who` says who may answer, `may_answer` whether this process may, and `until` when the run stops to
        wait.
        """
        return self._questions(self._job())

    @property
    def waits_for(self) -> list[str]:
        """What the run waits for, a sentence for each question; nothing while no person is asked."""
        return [self._sentence(each) for each in self.questions]

    def _questions(self, job: Job) -> list[Question]:
        if self._value is None:
            self._value = self._site.windmill.get_flow(job.path).value
        return questions(self._site.windmill, job, self._value)

    def _sentence(self, question: Question) -> str:
        return f"{self.pathspec} {asks(question)} {whom(question)} Answer on its page {self.windmill_ui}"

    def _tell_questions(self, job: Job) -> None:
        """Say once on stderr what the run begins to ask: who waits for it would wait in vain otherwise."""
        try:
            told = [self._sentence(each) for each in self._questions(job)]
        except MetaflowWindmillError:
            return  # whoever waits is told of what keeps Windmill from answering by the next look
        for sentence in told:
            if sentence not in self._told:
                print(sentence, file=sys.stderr, flush=True)
        self._told = told

    def approve(
        self, answers: dict[str, Any] | None = None, task: str | None = None, *, every: bool = False
    ) -> None:
        """Say yes to what the run asks before a step.

        Parameters
        ----------
        answers : dict, optional
            What is filled in, by the fields of the form.
        task : str, optional
            The step, or the task as ``step/task``, where the run waits in several places.
        every : bool
            Whether to answer all of them alike.

        Raises
        ------
        MetaflowException
            If it waits for nobody, it is not said where, or the form takes something else.
        """
        self._answer(answers or {}, task, every=every, approved=True)

    def reject(self, task: str | None = None, *, every: bool = False) -> None:
        """Say no; see `approve`."""
        self._answer({}, task, every=every, approved=False)

    def _answer(self, answers: dict[str, Any], task: str | None, *, every: bool, approved: bool) -> None:
        try:
            meant = chosen(self.questions, run_id_of(self.job_id), task, every=every)
            filled = [check_answers(each, answers) if approved else answers for each in meant]
            for question, said in zip(meant, filled, strict=True):
                answer(self._site.windmill, question, said, approved=approved)
        except DeployError as why:
            raise MetaflowException(str(why)) from why

    @cached_property
    def _displays(self) -> Displays:
        return Displays()

    @cached_property
    def _site(self) -> Site:
        return site_of(self.deployer.env_vars)
