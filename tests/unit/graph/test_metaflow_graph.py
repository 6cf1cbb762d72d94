from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from metaflow.exception import MetaflowException
from tests.support.dags import Read, dag_of, flow_text, load_flow

from metaflow_windmill.errors import CompileError
from metaflow_windmill.graph import Case, Problem, read_dag

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.metaflow

END = """
    @step
    def end(self):
        pass
"""


def test_steps_come_in_the_order_of_the_source_and_not_of_the_alphabet(read: Read) -> None:
    dag = read(
        """
        @step
        def start(self):
            self.next(self.zebra, self.ant)
        @step
        def ant(self):
            self.next(self.both)
        @step
        def zebra(self):
            self.next(self.middle)
        @step
        def middle(self):
            self.next(self.both)
        @step
        def both(self, inputs):
            self.next(self.end)
        @step
        def end(self):
            pass
        """
    )
    assert [step.name for step in dag.steps] == ["start", "zebra", "middle", "ant", "both", "end"]
    assert (dag.name, dag.start, dag.end) == ("AFlow", "start", "end")
    assert (dag["start"].kind, dag["start"].next) == ("split", ("zebra", "ant"))
    assert (dag["both"].joins, dag.joins_of("start")) == (("start",), ("both",))
    assert dag["end"].kind == "end"


def test_a_foreach_and_a_gang_say_what_they_go_over(read: Read) -> None:
    dag = read(
        """
        @step
        def start(self):
            self.items = [1]
            self.next(self.work, foreach="items")
        @step
        def work(self):
            self.next(self.gather)
        @step
        def gather(self, inputs):
            self.next(self.call)
        @step
        def call(self):
            self.next(self.crew, num_parallel=2)
        @parallel
        @step
        def crew(self):
            self.next(self.done)
        @step
        def done(self, inputs):
            self.next(self.end)
        @step
        def end(self):
            pass
        """
    )
    assert (dag["start"].kind, dag["call"].kind) == ("foreach", "gang")
    assert dag["start"].over == "items"
    assert (dag["gather"].joins, dag["done"].joins) == (("start",), ("call",))
    assert (dag["crew"].parallel, dag["work"].parallel) == (True, False)
    assert dag.problems == ()


def test_a_switch_keeps_its_cases_in_order_and_each_step_once(read: Read) -> None:
    dag = read(
        """
        limits = Config("limits", default_value={"top": 9})
        @step
        def start(self):
            self.level = 1
            self.next(
                {1: self.low, "two": self.low, 2.5: self.high, self.limits.top: self.high},
                condition="level",
            )
        @step
        def low(self):
            self.next(self.end)
        @step
        def high(self):
            self.next(self.end)
        @step
        def end(self):
            pass
        """
    )
    start = dag["start"]
    assert (start.kind, start.over, start.next) == ("switch", "level", ("low", "high"))
    assert start.cases == (
        Case("1", "low"),
        Case("two", "low"),
        Case("2.5", "high"),
        Case("limits.top", "high"),
    )


def test_a_step_that_returns_to_itself_does_not_follow_itself(read: Read) -> None:
    dag = read(
        """
        @step
        def start(self):
            self.next(self.turn)
        @step
        def turn(self):
            self.way = "out"
            self.next({"again": self.turn, "out": self.end}, condition="way")
        @step
        def end(self):
            pass
        """
    )
    assert (dag["turn"].recursive, dag["turn"].next) == (True, ("end",))
    assert dag["turn"].cases == (Case("again", "turn"), Case("out", "end"))
    assert not dag["start"].recursive


def test_first_and_last_steps_may_have_any_name(read: Read) -> None:
    dag = read(
        """
        @step(start=True)
        def begin(self):
            self.next(self.finish)
        @step(end=True)
        def finish(self):
            pass
        """
    )
    assert (dag.start, dag.end) == ("begin", "finish")
    assert [step.kind for step in dag.steps] == ["linear", "end"]


def test_a_flow_may_have_a_single_step(read: Read) -> None:
    dag = read(
        """
        @step
        def only(self):
            pass
        """
    )
    assert (dag.start, dag.end, [step.kind for step in dag.steps]) == ("only", "only", ["end"])


def test_all_that_is_not_carried_over_is_found(read: Read) -> None:
    dag = read(
        """
        @kubernetes
        @step
        def start(self):
            self.next(self.middle)
        @batch(cpu=1)
        @step
        def middle(self):
            self.next(self.last)
        @conda(disabled=True, packages={"x": "1"})
        @step
        def last(self):
            self.next(self.end)
        @conda(packages={"x": "1"})
        @step
        def end(self):
            pass
        """,
        "@schedule(daily=True)\n@exit_hook(on_error=['told'], options={'image': 'x'})",
    )
    places = [problem.place for problem in dag.problems]
    assert sorted(places) == ["", "end", "middle", "start"]
    conda = "Windmill installs from PyPI and not from conda: ask for x by @pypi instead of @conda"
    assert Problem("end", conda) in dag.problems
    elsewhere = "@batch starts its tasks somewhere else than on a Windmill worker: remove it; "
    instead = "@windmill(tag=...) and @resources choose the worker, @pypi its packages"
    assert Problem("middle", elsewhere + instead) in dag.problems


def test_a_switch_may_decide_between_splits_that_share_their_branches(read: Read) -> None:
    dag = read(
        """
        @step
        def start(self):
            self.size = "few"
            self.next({"few": self.few, "many": self.many}, condition="size")
        @step
        def few(self):
            self.items = [1]
            self.next(self.work, foreach="items")
        @step
        def many(self):
            self.items = [1, 2]
            self.next(self.work, foreach="items")
        @step
        def work(self):
            self.next(self.gather)
        @step
        def gather(self, inputs):
            self.next(self.end)
        @step
        def end(self):
            pass
        """
    )
    assert dag["gather"].joins == ("few", "many")
    assert dag.joins_of("few") == dag.joins_of("many") == ("gather",)


NO_END = """
@step
def start(self):
    self.next(self.middle)
@step
def middle(self):
    pass
"""
NO_NEXT = """
@step
def start(self):
    print()
"""
NO_SUCH_STEP = """
@step
def start(self):
    self.next(self.nowhere)
"""
NO_SPLIT = """
@step
def start(self):
    self.next(self.join)
@step
def join(self, inputs):
    self.next(self.end)
"""


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (NO_END, "exactly one start and one end step"),
        (NO_NEXT + dedent(END), "the step 'start' does not end in a call of self.next"),
        (NO_SUCH_STEP + dedent(END), "the step 'start' leads to 'nowhere'"),
        (NO_SPLIT + dedent(END), "the step 'join' takes inputs, but nothing was split before it"),
    ],
)
def test_what_metaflow_would_refuse_is_no_crash_here(tmp_path: Path, steps: str, words: str) -> None:
    file = tmp_path / f"refused_{len(steps)}.py"
    file.write_text(flow_text(steps), encoding="utf-8")
    with pytest.raises(MetaflowException):
        dag_of(file)
    with pytest.raises(CompileError, match=words):
        read_dag(load_flow(file)._graph)
