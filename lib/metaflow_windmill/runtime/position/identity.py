"""Which task a job is: what the compiler said of its step, and where it stands in the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.position.task_ids import UNBOUNDED, read_position, run_id, task_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.contract.task_spec import TaskSpec
    from metaflow_windmill.runtime.position.current_job import CurrentJob
    from metaflow_windmill.runtime.position.task_ids import Position
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Task:
    """One task of a run.

    Parameters
    ----------
    spec : TaskSpec
    record : Record
    job : CurrentJob
    run : str
        The run's id.
    position : Position
        The loops around the task; for a step that returns to itself, its own turn is the last, and for a
        node of a gang that is a job of its own, its number.
    """

    spec: TaskSpec
    record: Record
    job: CurrentJob
    run: str
    position: Position = ()

    @property
    def id(self) -> str:
        """The task's id."""
        return task_id(self.position)

    @property
    def name(self) -> str:
        """The task's name in its run: ``step/task``."""
        return f"{self.spec.step}/{self.id}"

    @property
    def pathspec(self) -> str:
        """The task's name in Metaflow's client: ``flow/run/step/task``."""
        return f"{self.record.flow}/{self.run}/{self.name}"

    @property
    def around(self) -> Position:
        """The position without the task's own turn, or its number in a gang."""
        return self.position[:-1] if self.spec.recursive or self.node is not None else self.position

    @property
    def node(self) -> int | None:
        """Which node of a gang this is, 0 for the control task; None where a gang is one job, or none."""
        return None if self.spec.gather is None else self.position[-1][1]

    @property
    def gang(self) -> str:
        """The name of the gang that this is a node of, which is that of its control task."""
        return f"{self.spec.step}/{task_id(self.around)}"

    @property
    def controls(self) -> bool:
        """Whether it starts tasks of its own: the nodes of a gang, or the splits of an unbounded foreach."""
        return self.spec.gang or self.unbounded

    @property
    def unbounded(self) -> bool:
        """Whether it is the control task of an unbounded foreach, whose body is one step."""
        return bool(self.around) and self.around[-1] == ("foreach", UNBOUNDED)

    @property
    def turn(self) -> int:
        """Which turn of its own recursion this is; 0 for a step that has none."""
        return self.position[-1][1] if self.spec.recursive else 0


def identify(
    spec: TaskSpec, record: Record, job: CurrentJob, run: str | None, levels: Mapping[str, Json]
) -> Task:
    """Say which task a job is, by the inputs that Windmill gave to it."""
    return Task(spec, record, job, run_id(job, run), read_position(spec.levels, levels))
