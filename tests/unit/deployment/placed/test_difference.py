"""What a new deployment would change, line by line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from metaflow_windmill.contract.record import PackageInfo, ParameterInfo, Record, ScheduleInfo, StoreInfo
from metaflow_windmill.deployment.placed.difference import difference
from metaflow_windmill.openflow.rewritten import rewritten

RECORD = Record(
    flow="Hello",
    owner="alice",
    token="tok",
    package=PackageInfo("/store/ab", "abcdef0123456789", "{}", "hello.py"),
    datastore=StoreInfo("local", "/store"),
    metadata=StoreInfo("local"),
    parameters=(ParameterInfo("alpha", "alpha", "int", default=1), ParameterInfo("beta", "beta", "str")),
    schedule=ScheduleInfo("0 0 3 * * *"),
    versions={"metaflow": "2.19.23", "python": "3.11.7"},
    variables={"METAFLOW_CARD_S3ROOT": "s3://a"},
)


def step(name: str, **values: Any) -> dict[str, Any]:
    inputs = {
        "task": {"type": "static", "value": {"step": name}},
        "deployment": {"expr": "flow_env.metaflow"},
    }
    body = {"type": "rawscript", "content": "pass", "input_transforms": inputs}
    return {"id": name, "value": body, **values}


def loop(*modules: Any) -> dict[str, Any]:
    over = {"type": "javascript", "expr": "results.start.foreach"}
    return {"id": "loop", "value": {"type": "forloopflow", "iterator": over, "modules": list(modules)}}


def value(*modules: Any, record: Record = RECORD) -> dict[str, Any]:
    return {"modules": list(modules), "flow_env": {"metaflow": record.to_json()}}


def lines(before: Any, after: Any) -> list[str]:
    return [str(change) for change in difference(before, after)]


PLAIN = value(step("start"), step("end"))


def test_nothing_changes() -> None:
    assert lines(PLAIN, PLAIN) == []


def test_windmills_own_writing_is_no_change() -> None:
    arm = {"modules": [step("left")], "skip_failure": False}
    split = {"id": "split", "value": {"type": "branchall", "branches": [arm], "parallel": True}}
    turns = {"id": "turns", "value": {"type": "whileloopflow", "modules": [step("again")], "parallel": False}}
    sent = value(step("start", timeout=60), split, turns, step("end"))
    kept = rewritten(sent)
    assert kept != sent
    assert lines(kept, sent) == lines(sent, kept) == []
    assert lines(kept, value(step("start", timeout=61), split, turns, step("end"))) == [
        "~ step start: timeout: 60 -> 61"
    ]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (value(step("start"), step("more"), step("end")), ["+ step more"]),
        (value(step("start")), ["- step end"]),
        (value(step("end"), step("start")), ["~ graph order: start, end -> end, start"]),
        (
            value(step("start"), step("end", retry={"constant": {"attempts": 2}})),
            ["+ step end: retry: {'constant': {'attempts': 2}}"],
        ),
        (value(step("start"), step("end", timeout=60)), ["+ step end: timeout: 60"]),
        (value(step("start"), loop(step("end"))), ["+ step end: inside: loop", "+ step loop"]),
    ],
)
def test_the_graph(after: Any, expected: list[str]) -> None:
    assert lines(PLAIN, after) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (replace(RECORD, parameters=RECORD.parameters[:1]), ["- parameter beta"]),
        (
            replace(RECORD, parameters=(ParameterInfo("alpha", "alpha", "float", required=True),)),
            ["~ parameter alpha: int, default 1 -> float, required", "- parameter beta"],
        ),
        (replace(RECORD, schedule=None), ["- schedule"]),
        (
            replace(RECORD, schedule=ScheduleInfo("0 0 4 * * *", "Europe/Paris")),
            ["~ schedule: 0 0 3 * * * Etc/UTC -> 0 0 4 * * * Europe/Paris"],
        ),
        (
            replace(RECORD, package=replace(RECORD.package, sha="fedcba9876543210")),
            ["~ package: abcdef012345 -> fedcba987654"],
        ),
        (
            replace(RECORD, versions={"metaflow": "2.19.39", "python": "3.11.7"}),
            ["~ version metaflow: 2.19.23 -> 2.19.39"],
        ),
        (replace(RECORD, tags=("a", "b")), ["~ settings tags: none -> a b"]),
        (
            replace(RECORD, datastore=StoreInfo("s3", "s3://b")),
            ["~ settings datastore: local /store -> s3 s3://b"],
        ),
        (replace(RECORD, variables={}), ["- variable METAFLOW_CARD_S3ROOT"]),
    ],
)
def test_the_record(record: Record, expected: list[str]) -> None:
    assert lines(PLAIN, value(step("start"), step("end"), record=record)) == expected
