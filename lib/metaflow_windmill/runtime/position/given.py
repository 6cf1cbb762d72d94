"""What a job is given beside its task: where it is, and the inputs that Windmill filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.contract.approval import told
from metaflow_windmill.contract.event import TRIGGER
from metaflow_windmill.contract.exact import plain
from metaflow_windmill.contract.report import REPORT
from metaflow_windmill.contract.resume import RESUME, Origin, ResumeOrder
from metaflow_windmill.contract.tags import TAGS, tags_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.runtime.position.job import Job
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Here:
    """Where a job is.

    Parameters
    ----------
    root : Path
        Of the unpacked code package, whose ``.mf_code`` is on the path.
    record : Record
    job : Job
    token : str
        The job's token, or nothing.
    """

    root: Path
    record: Record
    job: Job
    token: str = ""


@dataclass(frozen=True)
class Given:
    """The inputs of a job, by the names that `metaflow_windmill.contract.task` tells of.

    ``began``, ``due`` and ``history`` are no inputs: the first and the last job of a run asked Windmill.
    """

    run: str | None = None
    origin: Json = None
    parameters: Json = None
    splits: int | None = None
    trigger: Json = None
    error: Json = None
    deadline: float | None = None
    levels: Mapping[str, Json] = field(default_factory=dict)
    began: str | None = None
    due: str | None = None
    history: Callable[[], Json] = lambda: None

    @property
    def root(self) -> Json:
        """The outermost job when the run began; None on the start step."""
        return self.levels.get("root")

    @property
    def answered(self) -> Json:
        """What people answered before the step; None where nobody was asked."""
        answers = self.levels.get("resumes")
        return None if answers is None else told(answers, self.levels.get("approvers") or [])

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that the run was asked for with."""
        return tags_in(self.values.get(TAGS) if self.run is None else self.levels.get("tags"))

    @property
    def report(self) -> dict[str, Json]:
        """What the end step returned, on the modules after it."""
        said = self.levels.get(REPORT)
        return said if isinstance(said, dict) else {}

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
