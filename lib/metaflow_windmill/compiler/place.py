"""What holds at one place of the flow, and what is common to all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.errors import UnsupportedFlow

if TYPE_CHECKING:
    from metaflow_windmill.compiler.merges import Merges
    from metaflow_windmill.compiler.module_ids import ModuleIds
    from metaflow_windmill.compiler.spec import DeploymentSpec
    from metaflow_windmill.contract.task_spec import Input, Level, ParentStep
    from metaflow_windmill.graph.dag import Dag
    from metaflow_windmill.openflow import Module

Part = Literal["lane", "chunk"]
"""A part of the items of a foreach: one that is done one by one, or one that keeps its loop short."""

DEEPEST = 36
"""Containers in containers: with more of them the shortest names, ``/loop-0``, are longer than any path of a
job may be. What a flow may have is counted in characters once it is compiled (see `paths`)."""


@dataclass(frozen=True)
class Context:
    """What every part of the compilation reads: the graph, the deployment, the merges, the ids.

    Parameters
    ----------
    dag : Dag
    deployment : DeploymentSpec
    after : mapping
        Where the ways out of each step meet again (see `merges`).
    rank : mapping of str to int
        The topological order of the steps.
    flat : frozenset of str
        The steps whose choice is written flat (see `tangles`).
    names : ModuleIds
        Hands out ids, the only thing here that changes.
    """

    dag: Dag
    deployment: DeploymentSpec
    after: Merges
    rank: dict[str, int]
    flat: frozenset[str]
    names: ModuleIds


@dataclass(frozen=True)
class Place:
    """Where modules are being written.

    Parameters
    ----------
    loops : tuple of Level, "lane" or "chunk"
        The loops of Windmill around the place, outermost first. The tasks inside count no lane and no chunk.
    depth : int
        How many containers there are around it.
    items : int
        How many items of the innermost loop, a foreach, each job takes at most; 0 for one a job.
    """

    loops: tuple[Level | Part, ...] = ()
    depth: int = 0
    items: int = 0

    @property
    def limited(self) -> bool:
        """Whether the place is inside a foreach that may only run so many tasks at once."""
        return "lane" in self.loops

    @property
    def levels(self) -> tuple[Level, ...]:
        """The loops that the tasks inside count."""
        return tuple(loop for loop in self.loops if loop not in {"lane", "chunk"})  # type: ignore[misc]

    def inside(self, step: str, *loops: Level | Part) -> Place:
        """Return the place inside a container of `step`, with the loops that it adds.

        Raises
        ------
        UnsupportedFlow
            If it is deeper than any path of a job can say.
        """
        if self.depth >= DEEPEST:
            raise UnsupportedFlow(
                f"the step '{step}' stands inside of more than {DEEPEST} splits, foreaches and switches: "
                "their names alone are longer than the 255 characters that Windmill keeps of the path of a "
                "job; make the inner ones a flow of their own"
            )
        return replace(self, loops=(*self.loops, *loops), depth=self.depth + 1)


@dataclass(frozen=True)
class Arrival:
    """How a step is reached: the inputs of its task and, on a join, where the number of splits stands."""

    inputs: tuple[Input, ...] = ()
    splits: str | None = None


@dataclass(frozen=True)
class Section:
    """Some modules in a row.

    Parameters
    ----------
    modules : tuple of Module
    leads : tuple of ParentStep
        The steps that may be the last to run in them, latest in the graph first: one of them is
        the parent of whatever comes next.
    join : tuple of str and Arrival, or None
        The join that has to come next, and how it is reached.
    """

    modules: tuple[Module, ...]
    leads: tuple[ParentStep, ...]
    join: tuple[str, Arrival] | None = None
