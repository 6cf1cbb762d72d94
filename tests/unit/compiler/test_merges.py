from __future__ import annotations

from tests.support.small_dags import small_dag

from metaflow_windmill.compiler.merges import merges


def test_the_ways_out_of_a_switch_meet_in_the_first_step_that_all_come_through() -> None:
    dag = small_dag(start="switch a b", a="x", x="m", b="m", m="n", n="end", end="")
    assert merges(dag)["start"] == "m"


def test_a_case_that_goes_to_the_end_lets_all_meet_there() -> None:
    dag = small_dag(start="switch a end", a="b", b="end", end="")
    assert merges(dag)["start"] == "end"


def test_steps_that_some_cases_share_are_not_where_all_meet() -> None:
    dag = small_dag(start="switch a b c", a="shared", b="shared", shared="m", c="m", m="end", end="")
    assert merges(dag)["start"] == "m"


def test_a_split_and_its_join_count_as_one_step() -> None:
    dag = small_dag("j", start="switch s b", s="split x y", x="j", y="j", j="m", b="m", m="end", end="")
    found = merges(dag)
    assert (found["start"], found["s"], found["j"]) == ("m", "m", "m")


def test_inside_a_split_all_ways_end_where_the_split_does() -> None:
    dag = small_dag("j", start="foreach k", k="switch a b", a="j", b="c", c="j", j="end", end="")
    found = merges(dag)
    assert (found["k"], found["a"], found["b"], found["start"]) == (None, None, "c", "end")


def test_a_way_back_to_the_step_itself_is_no_way_out() -> None:
    dag = small_dag(start="r", r="switch r a b", a="m", b="m", m="end", end="")
    assert merges(dag)["r"] == "m"


def test_where_a_switch_picks_the_join_the_split_ends_where_the_joins_meet() -> None:
    dag = small_dag(
        "j k",
        start="split a b",
        a="switch a1 a2",
        b="switch b1 b2",
        a1="j",
        a2="k",
        b1="j",
        b2="k",
        j="x",
        x="m",
        k="m",
        m="end",
        end="",
    )
    found = merges(dag)
    assert (found["start"], found["a"], found["b"]) == ("m", None, None)
