"""The inputs of a job beside its static ``task``: the one list of them.

The compiler fills it with expressions, Windmill with values; `package.body.main` hands on by its
name whatever it has no use for itself, and the runtime reads the list back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVEL = "level_"


@dataclass(frozen=True)
class JobInputs:
    """What a job is given; what it is not given is None, and is left out.

    Parameters
    ----------
    deployment
        ``flow_env.metaflow``, the deployment record.
    parameters
        ``flow_input``, on the start step only.
    run
        ``results.<start>.run_id``; not on the start step, which makes the run id.
    root
        ``results.<start>.root``, the outermost job when the run began; not on the start step.
    origin
        ``results.<start>.origin``; in a resumed run the run that it goes on from, else null. Not on
        the start step, which finds it in ``parameters`` (see `metaflow_windmill.contract.resume_argument`).
    trigger
        ``results.<start>.trigger``, the events that started the run; null where none did.
    tags
        ``results.<start>.tags``, those that this one run was asked for with; null where there are none
        (see `metaflow_windmill.contract.tags`). Not on the start step, which finds them in ``parameters``.
    deadline
        ``results.<start>.deadline``, when the run has to be over, in seconds since 1970. Not on the
        start step, nor where a run may take any time.
    secrets
        Environment variables whose values Windmill fills in when the job begins: each a reference to a
        variable (``$var:f/x/y``), or a `SecretField`.
    splits
        ``results.<foreach>.count``, on the join of a foreach (and of a gang), and on the nodes of a gang
        whose nodes are jobs of their own.
    error
        What failed, on the modules after a failed run only: exit hooks
        (`metaflow_windmill.contract.exit_hook`) and notifications
        (`metaflow_windmill.contract.notification`).
    report
        ``results.<end>``, on the modules after a run that succeeded only
        (`metaflow_windmill.contract.report`).
    resumes, approvers
        On a step before which a person is asked, what was answered and by whom, as Windmill has it
        (see `metaflow_windmill.contract.approval`).
    levels : mapping
        ``level_0``, ``level_1``, ...: ``flow_input.iter_parent``, ``flow_input.iter``, one for each level of
        `metaflow_windmill.contract.task_spec.TaskSpec.levels`, outermost first, each ``{"index", "value"}``.
        In a job that takes several items of a foreach, the value of the last one is their range.
    """

    deployment: Any = None
    parameters: Any = None
    run: Any = None
    root: Any = None
    origin: Any = None
    trigger: Any = None
    tags: Any = None
    deadline: Any = None
    secrets: Any = None
    splits: Any = None
    error: Any = None
    report: Any = None
    resumes: Any = None
    approvers: Any = None
    levels: Mapping[str, Any] = field(default_factory=dict)

    def named(self) -> dict[str, Any]:
        """Return the inputs that there are, by the names that Windmill gives them by."""
        alone = {name: value for name in NAMES if (value := getattr(self, name)) is not None}
        return {**alone, **self.levels}


NAMES = tuple(item.name for item in fields(JobInputs) if item.name != "levels")
"""Of the inputs, but for those of the levels."""


def by_field(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return named inputs by the fields of `JobInputs`; a name that it does not have is left out."""
    levels = {name: value for name, value in named.items() if name.startswith(LEVEL)}
    return {**{name: named[name] for name in NAMES if name in named}, "levels": levels}
