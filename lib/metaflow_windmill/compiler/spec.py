"""What the compiler takes besides the graph, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.contract.notification import Notifications
from metaflow_windmill.openflow import Javascript, RawScript, Static

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.contract.memo import Memo
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.openflow import FlowValue, InputTransform
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class StepScript:
    """The code of a step, and its lock; None where Windmill is to resolve what the code requires."""

    content: str
    lock: str | None

    def job(self, task: Json, inputs: Mapping[str, InputTransform], tag: str | None) -> RawScript:
        """Return the code as a job: what it is told to do, and the inputs that only the run knows."""
        return RawScript(self.content, {"task": Static(task), **inputs}, lock=self.lock, tag=tag)


@dataclass(frozen=True)
class TagRule:
    """Steps that ask for at least these amounts of ``@resources`` go to the workers with a tag."""

    tag: str
    least: Mapping[str, float] = field(default_factory=dict)

    def holds(self, resources: Mapping[str, float]) -> bool:
        """Tell whether a step asks for that much."""
        return all(resources.get(name, 0) >= amount for name, amount in self.least.items())


@dataclass(frozen=True)
class DeploymentSpec:
    """All that the compiler needs to know and the graph does not say.

    Parameters
    ----------
    path : str
        Where the flow is to stand in the workspace.
    record : Record
        What the deployed flow says of itself.
    script : str
        The code of every step.
    lock : str
        Its pinned requirements, one a line.
    schema : mapping
        The JSON schema of the flow's parameters.
    summary : str
        One line for the flow's page; the flow's name where empty.
    labels : tuple of str
    max_workers : int or None
        The most tasks of one foreach at a time; None for as many as there are workers.
    max_splits : int or None
        The most splits that a foreach may make; None for any number.
    tag : str or None
        The kind of worker for steps that no rule holds for, and for what is no step.
    tag_rules : tuple of TagRule
        The first one that holds for a step decides its tag; ``@windmill(tag=...)`` wins.
    codes : mapping of str to StepScript
        The code of single steps, by name, instead of `script` and `lock`.
    secrets : mapping of str to JSON value
        The input ``secrets`` of every step.
    notifications : Notifications
        Who is told of the end of a run.
    description : str
        What the flow is, in Markdown; the docstring of the flow where empty.
    pack : int or None
        How many items of a foreach one job takes; with two or more, steps in a row are one job too.
        ``@windmill(pack=...)`` wins. None for one task a job.
    memos : mapping of str to Memo
        Of the steps for whose tasks an earlier success may stand.
    retry_lost : int or None
        How often a task is run again because its worker was lost. ``@windmill(retry_lost=...)`` wins. None
        for as often as Windmill does by itself.
    """

    path: str
    record: Record
    script: str
    lock: str
    schema: Mapping[str, Json]
    summary: str = ""
    labels: tuple[str, ...] = ()
    max_workers: int | None = None
    max_splits: int | None = None
    tag: str | None = None
    tag_rules: tuple[TagRule, ...] = ()
    codes: Mapping[str, StepScript] = field(default_factory=dict)
    secrets: Mapping[str, Json] = field(default_factory=dict)
    notifications: Notifications = field(default_factory=Notifications)
    description: str = ""
    pack: int | None = None
    memos: Mapping[str, Memo] = field(default_factory=dict)
    retry_lost: int | None = None

    @property
    def code(self) -> StepScript:
        """The code of jobs that are no task, and of every step that has none of its own."""
        return StepScript(self.script, self.lock)

    def code_of(self, step: str) -> StepScript:
        """Return the code of a step."""
        return self.codes.get(step) or self.code


RECORD = Javascript("flow_env.metaflow")
"""Where a module finds the deployment record."""


def secrets_of(deployment: DeploymentSpec) -> Static | None:
    """Return the input ``secrets`` of a module; none where there are no secrets."""
    return Static(dict(deployment.secrets)) if deployment.secrets else None


@dataclass(frozen=True)
class Document:
    """A compiled flow, ready to be deployed."""

    path: str
    summary: str
    description: str
    value: FlowValue
    schema: Mapping[str, Json]
    labels: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return the body of the request that creates the flow."""
        return {
            "path": self.path,
            "summary": self.summary,
            "description": self.description,
            "value": self.value.to_json(),
            "schema": dict(self.schema),
            "labels": list(self.labels),
        }
