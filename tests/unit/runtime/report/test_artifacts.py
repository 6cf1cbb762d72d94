"""What a run's page says of a task's artifacts, read from a datastore as Metaflow keeps it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from metaflow.datastore import FlowDataStore
from metaflow.plugins.datastores.local_storage import LocalStorage

from metaflow_windmill.runtime.output.masking import MASK, Mask
from metaflow_windmill.runtime.report.artifacts import LARGE, MOST_FETCHED, SMALL, artifacts_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.metaflow

SECRET = "hunter2-hunter2"
HIDES = Mask((SECRET,))


def saved(root: Path, **values: Any) -> Any:
    """Return the datastore of a task with these artifacts, to read from."""
    store = FlowDataStore("Flow", None, storage_impl=LocalStorage, ds_root=str(root))
    task = store.get_task_datastore("1", "end", "t", attempt=0, mode="w")
    task.init_task()
    task.save_artifacts(iter(values.items()))
    task.done()
    return store.get_task_datastore("1", "end", "t")


def test_small_ones_are_shown_without_what_is_secret(tmp_path: Path) -> None:
    store = saved(tmp_path, best=3, words=[SECRET, "b"], name="of the flow", _hidden=1)
    found = artifacts_of(store, {}, HIDES)
    assert [(one.name, one.type, one.text) for one in found] == [
        ("best", "int", "3"),
        ("words", "list", f"['{MASK}', 'b']"),
    ]
    (told,) = artifacts_of(saved(tmp_path / "2", made=1), {"made": f"Made({SECRET})"}, HIDES)
    assert told.text == f"Made({MASK})"


def test_large_ones_are_told_by_their_size_alone(tmp_path: Path) -> None:
    store = saved(tmp_path, large=b"x" * LARGE, middle=b"x" * SMALL)
    large, middle = artifacts_of(store, {"large": "b'xxx...'"}, Mask())
    assert (large.text, large.type) == ("", "bytes")
    assert large.size > LARGE
    assert (middle.text, middle.size > SMALL) == ("", True), "only what is small is fetched"


def test_no_code_of_a_class_runs_to_show_it(tmp_path: Path) -> None:
    (found,) = artifacts_of(saved(tmp_path, day=date(2026, 1, 2)), {}, Mask())
    assert (found.type, found.text) == ("datetime.date", "")


def test_of_very_many_the_first_ones_are_fetched(tmp_path: Path) -> None:
    store = saved(tmp_path, **{f"a{number:03}": number for number in range(MOST_FETCHED + 30)})
    found = artifacts_of(store, {}, Mask())
    assert len(found) == MOST_FETCHED + 30
    assert sum(bool(one.text) for one in found) <= MOST_FETCHED
