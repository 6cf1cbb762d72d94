from __future__ import annotations

from dataclasses import replace

from tests.support.deployments import fixed_deployment
from tests.support.small_dags import small_dag

from metaflow_windmill.compiler.describe import describe
from metaflow_windmill.graph import Dag, Step

RECORD = fixed_deployment("AFlow").record


def test_the_page_says_what_the_flow_is_and_who_deployed_it_from_where() -> None:
    text = describe(Dag("AFlow", "only", "only", (Step("only", "end"),), doc="Greets.\n\nAt length."), RECORD)
    assert text.startswith("Greets.\n\nAt length.\n\nMetaflow flow **AFlow**, deployed by `ada`")
    assert "from `flow.py` at commit `0123456789ab` (main) of https://git.example/flows.git" in text
    assert "Compiled with metaflow 2.19.39, metaflow_windmill 0.1.0, python 3.11." in text
    assert RECORD.token not in text


def test_a_project_and_its_branch_are_named() -> None:
    text = describe(small_dag(only=""), replace(RECORD, project="shop", branch="user.ada", git=None))
    assert "deployed by `ada`, project `shop`, branch `user.ada`." in text


def test_the_table_says_of_each_step_where_it_leads() -> None:
    dag = small_dag("j", start="foreach k", k="switch k a b", a="j", b="j", j="end", end="")
    rows = [line for line in describe(dag, RECORD).splitlines() if line.startswith("| `")]
    assert rows[0] == "| `start` | `k` for each of items |  |"
    assert rows[1] == "| `k` | `k` if condition is k, `a` if condition is a, `b` if condition is b |  |"
    assert rows[-1] == "| `end` | the end |  |"
    assert len(rows) == len(dag.steps)


def test_what_a_step_says_of_itself_does_not_break_the_table() -> None:
    step = Step("only", "end", doc="\n  a | b\nand more")
    assert "| `only` | the end | a \\| b |" in describe(Dag("F", "only", "only", (step,)), RECORD)


def test_there_is_no_diagram() -> None:
    assert "```" not in describe(small_dag(start="end", end=""), RECORD)
