from __future__ import annotations

import re

import pytest

from metaflow_windmill.compiler.module_ids import LONGEST, RESERVED, ModuleIds, valid_id


@pytest.mark.parametrize("name", ["train", "a", "x_1", "train__2", "end"])
def test_a_name_that_can_be_an_id_is_the_id(name: str) -> None:
    assert valid_id(name) == name


@pytest.mark.parametrize(
    "name", ["delete", "failure", "preprocessor", "constructor", "class", "ctx", "Result", "results"]
)
def test_words_with_a_meaning_of_their_own_are_no_ids(name: str) -> None:
    assert valid_id(name) == f"step_{name}"


@pytest.mark.parametrize("name", ["größe", "流れ", "a-b", "1st", "", "x" * 300, "a b", "a.b", "_"])
def test_any_name_gives_a_valid_id(name: str) -> None:
    made = valid_id(name)
    assert re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", made)
    assert made.lower() not in RESERVED
    assert len(made) <= LONGEST + len("step_")


def test_what_is_left_of_a_name_can_be_recognised() -> None:
    assert valid_id("größe").startswith("gro")
    assert valid_id("train_" * 20).startswith("train_train_train_")


def test_names_that_look_alike_in_ascii_stay_apart() -> None:
    assert valid_id("größe") != valid_id("grosse")
    assert valid_id("a-b") != valid_id("a.b")
    assert valid_id("x" * 100) != valid_id("x" * 101)


def test_the_second_module_of_a_step_gets_a_number() -> None:
    names = ModuleIds(["use", "use__2"])
    assert [names.of_step("use") for _ in range(3)] == ["use", "use__3", "use__4"]
    assert names.of_step("use__2") == "use__2"


def test_no_container_takes_the_name_of_a_step() -> None:
    names = ModuleIds(["train", "train_foreach"])
    assert names.of_part("train", "foreach") == "train_foreach__2"
    assert names.of_step("train_foreach") == "train_foreach"


def test_a_step_refers_to_its_first_module_before_and_after_it_was_handed_out() -> None:
    names = ModuleIds(["delete"])
    assert names.first("delete") == names.of_step("delete") == names.first("delete") == "step_delete"
