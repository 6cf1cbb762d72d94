"""What a job is given beside its task: where it is, and the inputs that Windmill filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.contract.approval import told
from metaflow_windmill.contract.event import TRIGGER
from metaflow_windmill.contract.exact import plain
from metaflow_windmill.contract.job_inputs import JobInputs, by_field
from metaflow_windmill.contract.resume_argument import RESUME, Origin, ResumeOrder
from metaflow_windmill.contract.tags import TAGS, tags_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.runtime.position.current_job import CurrentJob
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Here:
    """Where a job is.

    Parameters
    ----------
    root : Path
        Of the unpacked code package, whose ``.mf_code`` is on the path.
    record : Record
    job : CurrentJob
    token : str
        The job's token, or nothing.
    """

    root: Path
    record: Record
    job: CurrentJob
    token: str = ""


@dataclass(frozen=True)
class ReceivedInputs(JobInputs):
    """The inputs of a job, and what its first lines have asked Windmill for.

    Parameters
    ----------
    began, due : str or None
        When the run began, and when a schedule had it begin; asked by the first job of a run.
    history : callable
        What became of the steps before; asked by the last one.
    """

    began: str | None = None
    due: str | None = None
    history: Callable[[], Json] = lambda: None

    @classmethod
    def of(
        cls,
        named: Mapping[str, Json],
        began: str | None = None,
        due: str | None = None,
        history: Callable[[], Json] = lambda: None,
    ) -> ReceivedInputs:
        """Return the inputs that a job got by their names, with what it asked for."""
        return cls(**by_field(named), began=began, due=due, history=history)

    @property
    def answered(self) -> Json:
        """What people answered before the step; None where nobody was asked."""
        return None if self.resumes is None else told(self.resumes, self.approvers or [])

    @property
    def tags_asked_for(self) -> tuple[str, ...]:
        """The tags that the run was asked for with."""
        return tags_in(self.values.get(TAGS) if self.run is None else self.tags)

    @property
    def reported(self) -> dict[str, Json]:
        """What the end step returned, on the modules after it."""
        return self.report if isinstance(self.report, dict) else {}

    @property
    def values(self) -> dict[str, Json]:
        """The parameters of the run; empty but for the start step."""
        return {name: plain(value) for name, value in (self.parameters or {}).items()}

    @property
    def events(self) -> Json:
        """The events that started the run, or nothing."""
        return self.trigger or self.values.get(TRIGGER) or []

    @property
    def order(self) -> ResumeOrder | None:
        """What a run was asked for with, if it goes on from another one."""
        asked = self.values.get(RESUME)
        return None if asked is None else ResumeOrder.from_json(asked)

    @property
    def resumed(self) -> Origin | None:
        """What the start step told of the run that this one goes on from."""
        return Origin.from_json(self.origin) if self.origin else None
