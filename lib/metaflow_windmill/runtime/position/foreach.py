"""Refuses a foreach over what each task would see in another order, or not at all.

The tasks of a foreach know the number of their item only. Each loads what the loop goes over and takes the
item by ``value[number]``, or else by going through it (metaflow/flowspec.py, ``_find_input``). Metaflow's own
``run`` does the same, and loses and doubles items of a set of texts without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MappingView
from collections.abc import Set as AbstractSet
from numbers import Number
from typing import TYPE_CHECKING

from metaflow_windmill.errors import RetryNotAllowed
from metaflow_windmill.internals.running import foreach_variable

if TYPE_CHECKING:
    from metaflow_windmill.internals.shapes import TaskFlow
    from metaflow_windmill.types import Json

_TOO_MANY = 2


def check_foreach(step: str, flow: TaskFlow) -> None:
    """Let a step's foreach through, if all tasks find the same items in it.

    Parameters
    ----------
    step : str
    flow : FlowSpec
        After the step's code has run.

    Raises
    ------
    RetryNotAllowed
        If they do not.
    """
    name = foreach_variable(flow)
    problem = problem_with(getattr(flow, name), f"self.{name}")
    if problem:
        raise RetryNotAllowed(f"Step {step!r} makes a foreach over self.{name}, which is {problem}")


def problem_with(value: Json, name: str) -> str:
    """Return what is wrong with what a foreach goes over, and what to write instead, or nothing."""
    if isinstance(value, Iterator) and not hasattr(type(value), "__getitem__"):
        return (
            "an iterator: it can be gone through once, and every task would have to. "
            f"Write {name} = list(...) before self.next."
        )
    if isinstance(value, Mapping):
        return _of_mapping(value, name)
    if isinstance(value, MappingView):
        return f"a view of a dictionary, which cannot be kept. Write {name} = list(...) before self.next."
    if isinstance(value, AbstractSet) and not _in_one_order(value):
        return (
            "a set, and a set has another order in each task: items would be lost, and others done twice. "
            f"Write {name} = sorted({name}) or {name} = list({name}) before self.next."
        )
    return ""


def _in_one_order(items: AbstractSet[Json]) -> bool:
    """Tell whether all processes go through a set in one order: hashes of numbers are the same everywhere."""
    return len(items) < _TOO_MANY or all(isinstance(item, Number) for item in items)


def _of_mapping(value: Mapping[Json, Json], name: str) -> str:
    if all(number in value for number in range(len(value))):
        return ""
    return (
        "a dictionary, in which the tasks would look for the keys 0, 1, 2 and so on. "
        f"Write {name} = list({name}), or list({name}.items()), before self.next."
    )
