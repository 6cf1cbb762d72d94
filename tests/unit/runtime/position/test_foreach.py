from __future__ import annotations

from collections import ChainMap, Counter, UserList, defaultdict, deque
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import RetryNotAllowed
from metaflow_windmill.runtime.position.foreach import check_foreach, problem_with

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

WORDS = {"ada": 1, "bob": 2}


@pytest.mark.parametrize(
    "value",
    [
        ["b", "a"],
        ("b", "a"),
        "text",
        b"bytes",
        range(3),
        deque("ab"),
        UserList("ab"),
        {3, 1, 2.5},
        {"alone"},
        {0: "a", 1: "b"},
    ],
)
def test_what_every_task_sees_alike_is_let_through(value: Json) -> None:
    """Each of these gives the right items with Metaflow's own `run`."""
    assert problem_with(value, "self.x") == ""


@pytest.mark.parametrize("value", [{"ada", "bob"}, frozenset({"ada", 1}), {(1, 2), (3, 4)}, {None, 1}])
def test_a_set_has_another_order_in_each_process(value: Json) -> None:
    assert "items would be lost" in problem_with(value, "self.x")
    assert "self.x = sorted(self.x) or self.x = list(self.x)" in problem_with(value, "self.x")


@pytest.mark.parametrize("value", [iter([1]), (item for item in "ab"), map(str, [1]), reversed([1])])
def test_an_iterator_is_gone_after_it_was_counted(value: Json) -> None:
    assert "can be gone through once" in problem_with(value, "self.x")


@pytest.mark.parametrize("value", [WORDS, Counter("aab"), defaultdict(int, WORDS), ChainMap(WORDS)])
def test_a_dictionary_is_looked_up_by_numbers(value: Json) -> None:
    """Some of them answer to any key, so that all tasks would get zeros without a word."""
    assert "list(self.x.items())" in problem_with(value, "self.x")


@pytest.mark.parametrize("value", [WORDS.keys(), WORDS.values(), WORDS.items()])
def test_a_view_of_a_dictionary_cannot_be_kept(value: Json) -> None:
    assert "self.x = list(...)" in problem_with(value, "self.x")


def test_the_sentence_names_the_step_and_says_that_another_attempt_cannot_help() -> None:
    flow = SimpleNamespace(_foreach_var="names", names={"ada", "bob"})
    with pytest.raises(
        RetryNotAllowed, match=r"Step 'start' makes a foreach over self\.names, which is a set"
    ) as error:
        check_foreach("start", flow)
    assert vars(error.value) == {"final": True}
