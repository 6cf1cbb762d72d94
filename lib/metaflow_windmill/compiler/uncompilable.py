"""What the compiler refuses: all of it in one message, so that nobody has to ask twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import UnsupportedFlow
from metaflow_windmill.graph.dag import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.graph.dag import Dag, Step

LONGEST_DELAY = 6 * 3600
"""Seconds; Windmill waits no longer between two attempts (flow_status.rs)."""


def refuse_unsupported(dag: Dag) -> None:
    """Refuse a flow that would not do on Windmill what it does elsewhere.

    Raises
    ------
    UnsupportedFlow
        Names every place and says why.
    """
    problems = [*dag.problems, *(problem for step in dag.steps for problem in _of_step(step))]
    if problems:
        lines = "".join(f"\n  {_sentence(problem)}" for problem in problems)
        raise UnsupportedFlow(f"{dag.name} cannot run on Windmill as it is:{lines}")


def _of_step(step: Step) -> Iterator[Problem]:
    if step.retries.seconds > LONGEST_DELAY:
        minutes = step.retries.seconds // 60
        yield Problem(
            step.name,
            f"@retry waits {minutes} minutes between attempts, and Windmill no longer than "
            f"{LONGEST_DELAY // 60}: lower minutes_between_retries",
        )


def _sentence(problem: Problem) -> str:
    where = f"step '{problem.place}'" if problem.place else "the flow"
    return f"{where}: {problem.reason}"
