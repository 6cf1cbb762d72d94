from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.tasks import record

from metaflow_windmill.contract.exact import plain
from metaflow_windmill.contract.tags import TAGS, argument_of, tagged, tags_in
from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.runtime.position.given import ReceivedInputs

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


@pytest.mark.parametrize(
    ("written", "read"),
    [(None, ()), ([], ()), (["b", "a", "b"], ("b", "a")), (["", "a", ""], ("a",))],
)
def test_what_a_form_or_a_webhook_sends(written: Json, read: tuple[str, ...]) -> None:
    assert tags_in(written) == read


@pytest.mark.parametrize("written", ["a", {"a": 1}, [1], ["x" * 501], [f"{number}" for number in range(51)]])
def test_what_metaflow_takes_for_no_tags_ends_the_run_for_good(written: Json) -> None:
    with pytest.raises(InvalidDocument, match=r"at \$tags") as refused:
        tags_in(written)
    assert vars(refused.value)["final"]


def test_a_tag_that_looks_like_a_reference_stays_what_it_is() -> None:
    asked = argument_of(["$var:f/x/y", "a"])
    assert asked[TAGS] != ["$var:f/x/y", "a"]
    assert plain(asked[TAGS]) == ["$var:f/x/y", "a"]
    assert ReceivedInputs(parameters=asked).tags_asked_for == ("$var:f/x/y", "a")


def test_no_tags_are_no_argument() -> None:
    assert argument_of([]) == {}


def test_the_tasks_of_a_run_are_told_by_the_first_one() -> None:
    assert ReceivedInputs(run="windmill-x", tags=["a"]).tags_asked_for == ("a",)
    assert ReceivedInputs(run="windmill-x", parameters={TAGS: ["b"]}).tags_asked_for == ()


def test_tags_of_a_run_stand_beside_those_of_its_deployment() -> None:
    assert tagged(record(tags=("a", "b")), ("b", "c")).tags == ("a", "b", "c")
