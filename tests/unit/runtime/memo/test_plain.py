"""Of which artifacts it is certain that they hold nothing of the user's own code."""

from __future__ import annotations

import functools
import math
import pickle
from collections import Counter, OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

import pytest
from tests.support.tasks import MemoryTasks

from metaflow_windmill.runtime.memo.plain import MOST_READ, are_plain, is_plain
from metaflow_windmill.runtime.position.tasks import StoredArtifact

if TYPE_CHECKING:
    from metaflow_windmill.runtime.position.tasks import Tasks


@dataclass(frozen=True)
class Own:
    """A class of the user's."""

    value: int


Pair = namedtuple("Pair", "left right")  # noqa: PYI024 (as users write them)


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    "value",
    [
        [1, {"a": (2.5, None)}, {3, 4}, b"x", "flow"],
        {"when": datetime(2026, 1, 1, tzinfo=timezone.utc), "path": PurePosixPath("a/b")},
        Counter("hello"),
        OrderedDict(a=Decimal("1.5")),
        functools.partial(math.pow, 2),
        ValueError("told"),
        [slice(1, 2), range(3), frozenset({1})],
    ],
)
def test_what_python_brings_is_plain(value: object, protocol: int) -> None:
    assert is_plain(pickle.dumps(value, protocol=protocol))


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    "value", [Own(1), [{"deep": (Own(1),)}], Pair(1, 2), Own, test_what_python_brings_is_plain, {Own(2): 1}]
)
def test_what_names_code_of_the_users_is_not(value: object, protocol: int) -> None:
    assert not is_plain(pickle.dumps(value, protocol=protocol))


def test_what_cannot_be_read_is_not() -> None:
    assert not is_plain(b"no pickle")
    assert not is_plain(pickle.dumps([1])[:-3])


def test_values_of_simple_types_are_not_even_read() -> None:
    tasks = cast("Tasks", MemoryTasks())
    assert are_plain(
        [StoredArtifact("no literal", "<class 'int'>"), StoredArtifact("[1]", "<class 'list'>", "pickle-v4")],
        tasks,
    )
    assert not are_plain([StoredArtifact("[1]", "<class 'list'>", "arrow")], tasks)
    assert not are_plain([StoredArtifact("[1]", "<class 'list'>", "gzip+pickle-v4", MOST_READ + 1)], tasks)
