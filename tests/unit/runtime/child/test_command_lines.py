from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.tasks import reads, record, task

from metaflow_windmill.contract.record import ParameterInfo
from metaflow_windmill.runtime.child.command_lines import init_arguments, step_arguments
from metaflow_windmill.runtime.position.task_ids import UNBOUNDED

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

TOP = [
    "--quiet",
    "--no-pylint",
    "--metadata=local",
    "--datastore=local",
    "--datastore-root=/data/.metaflow",
]


def parameter(kind: str, value: Json, **more: Json) -> list[str]:
    info = ParameterInfo("a-name", "a_name", kind, **more)
    given = {"a-name": value, "iter": {"index": 1}, "other": 3}
    return init_arguments(record(parameters=(info,)), "windmill-r", given)[8:]


def test_init_makes_the_parameters() -> None:
    deployed = record(top_level=("--branch=b",), tags=("x", "y z"))
    assert init_arguments(deployed, "windmill-r", {}) == [
        *TOP,
        "--branch=b",
        "init",
        "--run-id=windmill-r",
        "--task-id=t-params",
        "--tag=x",
        "--tag=y z",
    ]


@pytest.mark.parametrize(
    ("kind", "value", "word"),
    [
        ("str", "-x=$HOME `id`\n", "-x=$HOME `id`\n"),
        ("str", "", ""),
        ("str", 5, "5"),
        ("int", 5, "5"),
        ("int", 5.0, "5"),
        ("int", "5", "5"),
        ("int", 5.5, "5.5"),
        ("float", 5.0, "5.0"),
        ("bool", False, "false"),
        ("json", {"a": [None, "é"]}, '{"a": [null, "\\u00e9"]}'),
        ("json", "[1]", '"[1]"'),
        ("json", 0, "0"),
        ("file", {"type": "uploader-v2"}, '{"type": "uploader-v2"}'),
    ],
)
def test_a_value_is_written_as_metaflow_reads_it(kind: str, value: Json, word: str) -> None:
    assert parameter(kind, value) == [f"--a-name={word}"]


def test_a_list_is_joined_by_the_separator() -> None:
    assert parameter("str", ["a", 1], separator="|") == ["--a-name=a|1"]
    assert parameter("str", "a|1", separator="|") == ["--a-name=a|1"]


def test_none_is_left_to_the_default() -> None:
    assert parameter("int", None) == []
    assert parameter("int", None, default=7) == []
    assert parameter("str", "a,b", default="a,b") == []  # a form fills in the defaults


def test_a_default_of_the_deploy_time_is_told() -> None:
    assert parameter("int", None, default=0, made=True) == ["--a-name=0"]
    assert parameter("bool", False, default=False, made=True) == ["--a-name=false"]


def test_a_step_is_told_all_of_itself() -> None:
    deployed = record(tags=("x",), namespace="")
    here = task(reads("a"), record=deployed, levels=[("foreach", 2)], user_retries=3)
    assert step_arguments(here, ["windmill-r/a/t-2"], 1) == [
        *TOP,
        "--with=windmill_internal",
        "step",
        "here",
        "--run-id=windmill-r",
        "--task-id=t-2",
        "--input-paths=windmill-r/a/t-2",
        "--retry-count=1",
        "--max-user-code-retries=3",
        "--tag=x",
        "--namespace=",
    ]


def split_options(words: list[str]) -> list[str]:
    return [word for word in words if word.startswith(("--split-index", "--ubf-context"))]


def test_only_the_first_step_of_a_body_is_told_its_split() -> None:
    outer, nested = reads("a", at="outer"), [("foreach", 7), ("foreach", 2)]
    assert split_options(step_arguments(task(outer, levels=nested), [], 0)) == ["--split-index=2"]
    assert split_options(step_arguments(task(reads("a"), levels=nested), [], 0)) == []
    for turn, told in ((0, ["--split-index=7"]), (1, [])):
        again = task(outer, levels=[("foreach", 7), ("turn", turn)], recursive=True)
        assert split_options(step_arguments(again, [], 0)) == told


def test_the_control_task_of_an_unbounded_foreach_gets_no_split() -> None:
    control = task(reads("a", at="outer"), levels=[("foreach", 3), ("foreach", UNBOUNDED)])
    assert control.id == "t-3-control"
    assert split_options(step_arguments(control, [], 0)) == ["--ubf-context=ubf_control"]


def test_a_gang_is_told_that_it_is_one() -> None:
    gang = task(reads("a"), gang=True)
    assert split_options(step_arguments(gang, [], 0)) == ["--split-index=0", "--ubf-context=ubf_control"]
