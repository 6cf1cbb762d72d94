"""The random programs of ``scripts/fuzz --programs``, and how two outcomes are told apart."""

from __future__ import annotations

import json

from tests.support.fuzz.drawn import program
from tests.support.fuzz.seen import differences, symbolic

from metaflow_windmill.openflow import read_flow_value


def test_a_number_always_gives_the_same_program_and_it_is_openflow() -> None:
    texts = [json.dumps(program(7, number)) for number in range(100)]
    assert texts == [json.dumps(program(7, number)) for number in range(100)]
    assert len(set(texts)) == len(texts)
    for text in texts:
        read_flow_value(json.loads(text)["flow"])


def test_together_they_use_every_feature() -> None:
    drawn = " ".join(json.dumps(program(7, number)) for number in range(100))
    for feature in [
        "forloopflow",
        "whileloopflow",
        "branchall",
        "branchone",
        "identity",
        "skip_if",
        "stop_after_if",
        "stop_after_all_iters_if",
        "retry",
        "continue_on_error",
        "skip_failures",
        "skip_failure",
        "failure_module",
        "flow_env",
        "skip_expr",
        "error_message",
    ]:
        assert f'"{feature}"' in drawn, feature


def test_differences_name_the_place_and_ids_do_not_count() -> None:
    ids = ["019aa8c0-0000-7000-8000-000000000001", "019aa8c0-0000-7000-8000-000000000002"]
    one, other = (symbolic({"r": [{"at": name, "k": k}]}, {name: "root"}) for k, name in enumerate(ids))
    assert list(differences(one, other)) == [".r[0].k: the server 0, here 1"]
    assert list(differences({"k": 1}, {"k": 1.0})) == [".k: the server 1, here 1.0"]
