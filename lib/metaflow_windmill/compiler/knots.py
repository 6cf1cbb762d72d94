"""A step with its split and its joins: what the rest of its level sees as one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow_windmill.openflow import RawScript, WhileLoop

if TYPE_CHECKING:
    from metaflow_windmill.compiler.place import Arrival
    from metaflow_windmill.openflow import Module


@dataclass(frozen=True)
class JoinCase:
    """One of several joins of a split, and the condition under which it is the one that runs."""

    join: str
    module: Module
    predicate: str


@dataclass(frozen=True)
class Knot:
    """The modules of a step with its split and its joins.

    Parameters
    ----------
    step : str
        The step's name.
    own : Module
        The step's task, the loop of its turns, or of a fan, which has no task, the container of its branches.
    parts : tuple of Module
        What always runs after it: the container of its branches, the only join.
    endings : tuple of JoinCase
        Its joins, where there are several.
    join : tuple of str and Arrival, or None
        Its only join, where that is still to be written, and how it is reached.
    """

    step: str
    own: Module
    parts: tuple[Module, ...] = ()
    endings: tuple[JoinCase, ...] = ()
    join: tuple[str, Arrival] | None = None

    @property
    def one_task(self) -> bool:
        """Whether it is a single task, and nothing stands around that."""
        return isinstance(self.own.value, RawScript) and not self.parts

    @property
    def returns(self) -> bool:
        """Whether it is a loop of turns, whose result is the list of theirs."""
        return isinstance(self.own.value, WhileLoop)


def in_a_row(knot: Knot) -> tuple[Module, ...]:
    """Return the modules of a knot in a row, of its joins all skipped but the one that is to run."""
    endings = (replace(end.module, skip_if=f"!({end.predicate})") for end in knot.endings)
    return (knot.own, *knot.parts, *endings)
