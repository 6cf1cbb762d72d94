"""When the steps of a run ran."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.engine.pages.twigs import SECOND, twig

from metaflow_windmill.devserver.pages.timeline import drawn, row


def test_tasks_that_ran_at_the_same_time_are_in_lanes_of_their_own() -> None:
    twigs = [
        twig("1", began=0, ended=4),
        twig("2", "failure", began=1, ended=5),
        twig("3", began=4, ended=8),
        twig("4", "running", began=6),
    ]
    made = row("a", twigs, 0, 10 * SECOND, 9 * SECOND)
    assert sorted((bar.lane, bar.start, bar.end, bar.state) for bar in made.bars) == [
        (0, 0.0, 0.4, "success"),
        (0, 0.4, 0.8, "success"),
        (1, 0.1, 0.5, "failure"),
        (1, 0.6, 0.9, "running"),
    ]


def test_the_wait_of_the_first_task_is_drawn_apart() -> None:
    made = row("a", [twig("1", began=2, ended=4)], 0, 4 * SECOND, 0)
    assert made.waited == (0.0, 0.5)


def test_thousands_of_short_tasks_are_few_bars_and_a_failure_is_seen() -> None:
    twigs = [
        twig(str(at), "failure" if at == 2000 else "success", step_id="a")._replace(
            started_at=at * SECOND, completed_at=(at + 1) * SECOND
        )
        for at in range(5000)
    ]
    made = row("a", twigs, 0, 5000 * SECOND, 0)
    assert len(made.bars) < 10
    assert "failure" in {bar.state for bar in made.bars}
    assert sum(bar.jobs for bar in made.bars) == 5000


def test_steps_are_in_the_order_of_the_flow_and_escaped() -> None:
    twigs = [twig("1", step_id="b"), twig("2", step_id="a"), twig("3", step_id="<i>")]
    shown = drawn(twigs, {"a": "first", "b": "second"}, 2 * SECOND)

    class Names(HTMLParser):
        names: tuple[str, ...] = ()

        def handle_data(self, data: str) -> None:
            self.names += (data,)

    reader = Names()
    reader.feed(shown)
    assert [name for name in reader.names if name in ("first", "second", "<i>")] == ["first", "second", "<i>"]
    assert "style=" not in shown


def test_a_run_of_which_nothing_has_begun_has_none() -> None:
    assert drawn([twig("1", "queued", step_id="a")], {"a": "a"}, SECOND) == ""
