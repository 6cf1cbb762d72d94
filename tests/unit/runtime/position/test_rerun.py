from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.runtime.position.rerun import steps_to_rerun

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def graph(**steps: str) -> dict[str, Json]:
    """Write a graph as Metaflow's artifact has it: ``a="b c"``; a word before a colon is the type."""
    read = {}
    for name, text in steps.items():
        kind, _, following = text.rpartition(":")
        read[name] = {"type": kind or "linear", "next": following.split()}
    return read


PLAIN = graph(start="a b", a="join", b="join", join="end", end="")


def test_nothing_is_run_anew_unless_it_is_wanted() -> None:
    assert steps_to_rerun(PLAIN, PLAIN, []) == ()
    assert steps_to_rerun(PLAIN, PLAIN, ["a"]) == ("a", "join", "end")
    assert steps_to_rerun(PLAIN, PLAIN, ["start"]) == tuple(PLAIN)


def test_a_step_that_returns_to_itself() -> None:
    turns = graph(start="turn", turn="split-switch:turn end", end="")
    assert steps_to_rerun(turns, turns, []) == ()
    assert steps_to_rerun(turns, turns, ["turn"]) == ("turn", "end")


def test_a_new_step_is_run_and_what_follows_it() -> None:
    after = graph(start="a b", a="new", new="join", b="join", join="end", end="")
    assert steps_to_rerun(PLAIN, after, []) == ("new", "join", "end")


def test_what_followed_a_step_that_is_gone_is_run() -> None:
    after = graph(start="a b", a="end", b="end", end="")
    assert steps_to_rerun(PLAIN, after, []) == ("end",)


def test_a_further_branch_leaves_the_split_as_it_is() -> None:
    after = graph(start="a b c", a="join", b="join", c="join", join="end", end="")
    assert steps_to_rerun(PLAIN, after, []) == ("c", "join", "end")


def test_a_step_that_becomes_a_foreach_is_run() -> None:
    before = graph(start="a", a="b", b="end", end="")
    after = graph(start="a", a="split-foreach:b", b="end", end="")
    assert steps_to_rerun(before, after, []) == ("a", "b", "end")
    assert steps_to_rerun(after, before, []) == ("a", "b", "end")


def test_a_switch_that_lost_a_case_is_run_and_one_that_got_a_case_is_not() -> None:
    two = graph(start="split-switch:a b", a="end", b="end", end="")
    three = graph(start="split-switch:a b c", a="end", b="end", c="end", end="")
    assert steps_to_rerun(three, two, []) == tuple(two)
    assert steps_to_rerun(two, three, []) == ("c", "end")


@given(
    st.sampled_from(["start", "a", "b", "join", "end"]), st.sampled_from(["start", "a", "b", "join", "end"])
)
def test_wanting_more_never_runs_less(one: str, other: str) -> None:
    alone = set(steps_to_rerun(PLAIN, PLAIN, [one]))
    assert alone <= set(steps_to_rerun(PLAIN, PLAIN, [one, other]))


def test_a_case_of_several_steps_is_chosen_again_unless_it_still_leads_to_all_of_them() -> None:
    before = graph(start="split-switch:a b x", a="join", b="join", join="x", x="")
    after = graph(start="split-switch:a b x", a="join", b="join", join="x", x="")
    before["start"]["switch_cases"] = {"many": ["a", "b"], "one": "x"}
    after["start"]["switch_cases"] = {"many": ["a", "b"], "more": "x", "one": "x"}
    assert steps_to_rerun(before, after, []) == ()
    after["start"]["switch_cases"] = {"first": "a", "second": "b", "one": "x"}
    assert steps_to_rerun(before, after, []) == tuple(after)
