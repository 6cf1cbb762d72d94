from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.contract.job_inputs import LEVEL, NAMES, JobInputs, by_field
from metaflow_windmill.package.body.main import main
from metaflow_windmill.runtime.position.given import ReceivedInputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json

GOLDEN = Path(__file__).parents[2] / "golden" / "flows"


def step_modules(value: Json) -> Iterator[dict[str, Json]]:
    """Go through the input transforms of all jobs that are steps, or come after them."""
    if isinstance(value, list):
        for item in value:
            yield from step_modules(item)
    elif isinstance(value, dict):
        if "task" in value.get("input_transforms", {}):
            yield value["input_transforms"]
        for item in value.values():
            yield from step_modules(item)


def test_every_input_that_is_compiled_is_on_the_list() -> None:
    files = sorted(GOLDEN.glob("*.json"))
    found = {
        name for file in files for inputs in step_modules(json.loads(file.read_text())) for name in inputs
    }
    alone = {name for name in found if not name.startswith(LEVEL)}
    assert {"deployment", "parameters", "run", "splits"} <= alone
    assert alone - {"task"} <= set(NAMES)
    assert found - alone


def test_the_step_s_script_names_inputs_of_the_list_only() -> None:
    named = set(inspect.signature(main).parameters)
    assert named - {"task", "inputs"} <= set(NAMES)


def test_what_is_not_given_is_left_out_and_read_back_as_none() -> None:
    given = JobInputs(deployment=1, splits=0, levels={"level_0": {"index": 2}})
    assert given.named() == {"deployment": 1, "splits": 0, "level_0": {"index": 2}}
    assert JobInputs(**by_field(given.named())) == given


def test_a_job_reads_the_list_and_leaves_alone_what_is_not_on_it() -> None:
    given = ReceivedInputs.of({"run": "windmill-x", "level_0": 1, "level_1": 2, "later": 3}, due="then")
    assert (given.run, given.due, given.levels) == ("windmill-x", "then", {"level_0": 1, "level_1": 2})
    assert given.root is None
