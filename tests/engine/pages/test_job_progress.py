"""How far a run is, from the rows of its jobs."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.engine.pages.twigs import SECOND, part, twig

from metaflow_windmill.devserver.pages.job_progress import counted, grown


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ([], "running"),
        (["queued", "queued"], "queued"),
        (["success", "queued"], "queued"),
        (["queued", "running", "success"], "running"),
        (["success", "success"], "running"),
    ],
)
def test_a_flow_whose_jobs_all_wait_for_a_worker_is_queued(below: list[str], expected: str) -> None:
    jobs = [twig(str(at), state, "f", 0, iteration=at) for at, state in enumerate(below)]
    assert grown([part("f"), *jobs]).state("f") == expected


def test_what_waits_deep_down_waits_at_every_level() -> None:
    tree = grown([part("f"), part("i", parent="f", step=0), twig("a", "queued", "i", 0)])
    assert (tree.state("i"), tree.state("f")) == ("queued", "queued")


@pytest.mark.parametrize("outcome", ["success", "failure", "canceled", "skipped"])
def test_what_has_ended_is_what_it_came_to(outcome: str) -> None:
    tree = grown([part("f", outcome), twig("a", "queued", "f", 0)])
    assert tree.state("f") == outcome


def test_the_time_of_a_flow_is_without_the_wait_for_its_first_worker() -> None:
    tree = grown([part("f", "success", ended=9), twig("a", "success", "f", 0, began=5, ended=8)])
    assert (tree.told["f"].began, tree.told["f"].ended) == (5 * SECOND, 9 * SECOND)
    assert grown([part("f"), twig("a", "queued", "f", 0)]).told["f"].began is None


def test_an_attempt_that_another_one_followed_does_not_count() -> None:
    tree = grown([part("f"), twig("a", "failure", "f", 0), twig("b", "running", "f", 0)])
    assert [each.id for each in tree.under("f")] == ["b"]
    assert tree.replaced == {"a"}


def test_jobs_are_counted_by_step_and_state() -> None:
    tree = grown(
        [
            part("f"),
            part("i", parent="f", step=0, iteration=0, step_id="l"),
            part("j", parent="f", step=0, iteration=1, step_id="l"),
            twig("a", "failure", "i", 0, step_id="a"),
            twig("b", "queued", "j", 0, step_id="a"),
        ]
    )
    assert counted(tree.under("f"), tree)["a"] == Counter(failure=1, queued=1)
