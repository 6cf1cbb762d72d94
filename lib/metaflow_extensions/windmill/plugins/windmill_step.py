"""The step decorator ``@windmill``: what only Windmill has. Elsewhere it does nothing, and asks nobody."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, ClassVar

from metaflow.decorators import StepDecorator
from metaflow.exception import MetaflowException

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.contract.approval import Approval
    from metaflow_windmill.internals.shapes import MetaflowGraph


class InvalidWindmillDecorator(MetaflowException):  # type: ignore[misc]
    """What ``@windmill`` was given is none of what it takes."""

    headline = "Invalid @windmill"


class WindmillDecorator(StepDecorator):  # type: ignore[misc]
    """Says how Windmill runs a step.

    Parameters
    ----------
    tag : str, optional, default None
        The tag of the workers that run the step.
    timeout : int, optional, default None
        Seconds after which Windmill ends the job of the step, whatever its code does.
        Use ``@timeout`` for a limit that the code itself, ``@catch`` and ``@retry`` see.
    pack : int, optional, default None
        How many items of a foreach one job takes, each in a process of its own; with 2 or more, the step also
        shares a job with those right before and after it. Instead of what ``--pack`` says of all steps.
    job_per_node : bool, default False
        On a ``@parallel`` step: each node of its gang is a job of its own, on any worker. Without it, one job
        runs all nodes on one worker.
    gather_timeout : int, optional, default None
        Seconds that such nodes wait for each other before the gang fails and frees its workers; 300 unless
        this says it.
    approval : bool, str or dict, optional, default None
        Ask a person before the step runs: True, a question, or a dictionary of ``ask`` (what the person
        reads), ``form`` (the fields to fill in, by name: a type, a list of choices, or the members of a JSON
        schema), ``timeout`` in seconds, ``required`` (how many have to say yes), ``self_approval=False``
        (somebody else than who started the run), ``groups`` (Windmill's Enterprise edition), ``otherwise``
        (``"fail"`` or ``"continue"`` where somebody says no or nobody answers) and ``artifact`` (the
        attribute in which the step finds what was answered, ``self.approval`` if not said).
    retry_lost : int, optional, default None
        How often a task is run again because its worker went away in the middle, 0 to 5, whatever ``@retry``
        says of what the step's code raises. Instead of what ``--retry-lost`` says of all steps; if nothing
        says so, Windmill decides, which runs it again three times.
    """

    name = "windmill"
    defaults: ClassVar[dict[str, Any]] = {
        "tag": None,
        "timeout": None,
        "pack": None,
        "job_per_node": None,
        "gather_timeout": None,
        "approval": None,
        "retry_lost": None,
    }
    _answered: str | None = None

    def step_init(  # noqa: PLR0917 (Metaflow's signature)
        self,
        flow: object,
        graph: MetaflowGraph,
        step_name: str,
        decorators: object,  # noqa: ARG002
        environment: object,  # noqa: ARG002
        flow_datastore: object,  # noqa: ARG002
        logger: object,  # noqa: ARG002
    ) -> None:
        """Check what was given; from ``--with windmill:timeout=60`` come texts."""
        from metaflow_windmill.contract.worker_options import (
            MOST_LOST,
            MOST_PACKED,
            is_pack,
            is_retry_lost,
            is_worker_tag,
        )

        tag = self.attributes["tag"]
        if tag is not None and not is_worker_tag(tag):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: the tag of a worker is a text of at most 50 letters, digits and "
                f"'_.:/@-', not {tag!r}."
            )
        for name in ("timeout", "gather_timeout"):
            self._check_seconds(step_name, name)
        self._check_gang(step_name, parallel=graph[step_name].parallel_step)
        if self.attributes["pack"] is not None and not is_pack(self.attributes["pack"]):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: pack takes a whole number of tasks, 1 to {MOST_PACKED}, not "
                f"{self.attributes['pack']!r}."
            )
        if self.attributes["retry_lost"] is not None and not is_retry_lost(self.attributes["retry_lost"]):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: retry_lost takes a whole number of times, 0 to {MOST_LOST}, not "
                f"{self.attributes['retry_lost']!r}."
            )
        self._approval(step_name, flow)

    def task_pre_step(self, *_: object, **__: object) -> None:
        """Read what was answered, before the variable is hidden from the step's code."""
        from metaflow_windmill.runtime.child.task_environment import APPROVAL

        self._answered = os.environ.get(APPROVAL)

    def task_decorate(  # noqa: PLR0917 (Metaflow's signature)
        self,
        step_func: Callable[..., None],
        flow: object,
        graph: MetaflowGraph,  # noqa: ARG002
        retry_count: int,  # noqa: ARG002
        max_user_code_retries: int,  # noqa: ARG002
        ubf_context: str | None,  # noqa: ARG002
    ) -> Callable[..., None]:
        """Give the step what was answered; where nobody can be asked, what the form would have had."""
        from metaflow_windmill.contract.approval import not_asked, read_approval

        approval = read_approval(self.attributes["approval"])
        if approval is not None:
            said = not_asked(approval) if self._answered is None else json.loads(self._answered)
            setattr(flow, approval.artifact, said)
        return step_func

    def _approval(self, step_name: str, flow: object) -> Approval | None:
        """Return what is asked before a step, if it can be."""
        from metaflow_windmill.contract.approval import InvalidApproval, read_approval
        from metaflow_windmill.contract.worker_options import is_said

        try:
            approval = read_approval(self.attributes["approval"])
        except InvalidApproval as why:
            raise InvalidWindmillDecorator(f"Step *{step_name}*: {why}.") from None
        if approval is not None and hasattr(type(flow), approval.artifact):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: the step is to find what was answered as self.{approval.artifact}, and "
                "the flow has a step, a parameter or a method of that name. Say approval={'artifact': '...'} "
                "with another one."
            )
        if approval is not None and is_said(self.attributes["job_per_node"]):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: each node of the gang would ask by itself, and all wait for each "
                "other. Ask before the step that starts the gang."
            )
        return approval

    def _check_seconds(self, step_name: str, name: str) -> None:
        seconds = self.attributes[name]
        if seconds is not None and not re.fullmatch(r"[1-9]\d{0,8}", str(seconds)):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: {name} takes a whole number of seconds, 1 or more, not {seconds!r}."
            )

    def _check_gang(self, step_name: str, *, parallel: bool) -> None:
        from metaflow_windmill.contract.worker_options import is_said, is_yes_or_no

        said = self.attributes["job_per_node"]
        if not is_yes_or_no(said):
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: job_per_node takes True or False, not {said!r}."
            )
        if is_said(said) and self.statically_defined and not parallel:
            raise InvalidWindmillDecorator(
                f"Step *{step_name}*: job_per_node is for a step with @parallel, whose nodes it makes jobs "
                "of their own. Each item of a foreach is a job anyway."
            )
