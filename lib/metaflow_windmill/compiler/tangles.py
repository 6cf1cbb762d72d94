"""Which choices are written flat, because arms in arms would be too many or too deep.

A choice is a switch, or a split of which a switch inside decides the join. Written with arms, a
step that several ways share stands once in each of them: readable for a few, but the copies
multiply where choices follow one another without their ways having met.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.compiler.merges import SPLITTING, following

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.compiler.merges import Merges
    from metaflow_windmill.graph.dag import Dag, Step


@dataclass(frozen=True)
class ArmLimits:
    """Up to where a choice is written with arms.

    Parameters
    ----------
    copies : int
        Modules that may stand there for a second time.
    nested : int
        Choices in arms of choices.
    """

    copies: int = 24
    nested: int = 6


def tangled(dag: Dag, after: Merges, limits: ArmLimits) -> frozenset[str]:
    """Return the steps whose choice is written flat.

    Parameters
    ----------
    dag : Dag
    after : mapping
        Where the ways out of each step meet again (see `merges`).
    limits : ArmLimits
    """
    measures = _Measures(dag, after)
    found = set()
    for step in reversed(dag.ordered):
        if not step.joins and measures.add(step, limits):
            found.add(step.name)
    return frozenset(found)


def region(dag: Dag, head: Step, stop: str | None) -> list[Step]:
    """Return the steps on a choice's level that come after it and before all ways have met, in order."""
    found: set[str] = set()
    waiting = [name for name in following(dag, head) if name not in (None, stop)]
    while waiting:
        name = waiting.pop()
        if name is not None and name not in found:
            found.add(name)
            waiting += [further for further in following(dag, dag[name]) if further not in (None, stop)]
    return [step for step in dag.ordered if step.name in found]


@dataclass
class _Measures:
    """How large each step's part of the document is, found from the last step to the first.

    `whole` counts the modules from a step to the end of its level, `own` those of the step with its
    split and joins, `nested` the choices in one another that begin with it.
    """

    dag: Dag
    after: Merges
    own: dict[str, int] = field(default_factory=dict)
    whole: dict[str | None, int] = field(default_factory=lambda: {None: 0})
    nested: dict[str, int] = field(default_factory=dict)

    def add(self, step: Step, limits: ArmLimits) -> bool:
        """Measure a step whose successors are measured; tell whether its choice is to be flat."""
        stop, arms = self.after[step.name], following(self.dag, step)
        own = self.own[step.name] = 1 + self._inside(step)
        size = own + sum(self.whole[arm] - self.whole[stop] for arm in arms) if len(arms) > 1 else own
        nested = 1 + max(self._deepest(arm, stop) for arm in arms) if len(arms) > 1 else 0
        flat = False
        if nested > limits.nested or size - own > limits.copies:
            once = own + sum(self.own[other.name] for other in region(self.dag, step, stop))
            flat = nested > limits.nested or size - once > limits.copies
            size = once if flat else size
        self.whole[step.name] = size + self.whole[stop]
        self.nested[step.name] = nested
        return flat

    def _inside(self, step: Step) -> int:
        if step.kind not in SPLITTING:
            return 0
        return sum(self.whole[first] for first in step.next) + len(self.dag.joins_of(step.name))

    def _deepest(self, first: str | None, stop: str | None) -> int:
        return max((self.nested[name] for name in self._row(first, stop)), default=0)

    def _row(self, first: str | None, stop: str | None) -> Iterator[str]:
        name = first
        while name is not None and name != stop:
            yield name
            name = self.after[name]
