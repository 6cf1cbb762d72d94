from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.support.object_store import BUCKET, object_store
from tests.support.snippets import output_of
from tests.support.tasks import record

from metaflow_windmill.contract.record import StoreInfo

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.metaflow

PROGRAM = """
    import json, sys
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.runtime.position.tasks import Tasks, flow_datastore
    record = Record.from_json(json.loads({record!r}))
    store = flow_datastore(record)

    def attempt(task, number, *, done=True, note=None, **artifacts):
        step, _, name = task.partition("/")
        data = store.get_task_datastore("windmill-r", step, name, attempt=number, mode="w")
        data.init_task()
        data.save_artifacts(artifacts.items())
        if done:
            data.done()
        if note:
            tasks.keep_note(task, number, note)

    tasks = Tasks(record, "windmill-r", 6)
    told = []
    {body}
    print(json.dumps(told))
"""


def told(tmp_path: Path, body: str) -> object:
    (tmp_path / ".metaflow").mkdir()
    store = StoreInfo("local", str(tmp_path / ".metaflow"))
    deployed = json.dumps(record(datastore=store).to_json())
    text = PROGRAM.format(record=deployed, body=body.strip().replace("\n", "\n    "))
    return json.loads(output_of(text, tmp_path))


def test_a_task_that_begins_asks_an_object_store_once(tmp_path: Path) -> None:
    """And one more time for each attempt that began before."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    with object_store(tmp_path) as address:
        deployed = json.dumps(record(datastore=StoreInfo("s3", f"s3://{BUCKET}/x")).to_json())
        body = """
    told.append(tasks.attempts("a/t"))
    from io import BytesIO
    names = [f"{record.flow}/windmill-r/a/t/{number}.attempt.json" for number in range(2)]
    tasks._storage.save_bytes(((name, BytesIO(b"{}")) for name in names), len_hint=2)
    told.append(tasks.attempts("a/t"))
"""
        text = PROGRAM.format(record=deployed, body=body.strip())
        env = {**keys, "METAFLOW_S3_ENDPOINT_URL": address, "METAFLOW_S3_WORKER_COUNT": "1"}
        assert json.loads(output_of(text, tmp_path, env=env)) == [[], [0, 1]]
        asked = re.findall(r"HEAD [^ ]*/(\d)\.attempt\.json", (tmp_path / "moto.out").read_text())
    assert asked[0] == "0"
    assert asked[-3:] == ["0", "1", "2"]
    assert len(asked) <= 1 + 2 + 3


def test_attempts_are_those_that_began(tmp_path: Path) -> None:
    body = """
told.append([tasks.attempts("a/t"), tasks.exist(["a/t", "a/t-1"]), tasks.exist([])])
attempt("a/t", 0, done=False)
attempt("a/t", 1)
attempt("b/t", 0)
told.append([tasks.attempts("a/t"), tasks.exist(["a/t", "a/t-1"])])
told.append([tasks.is_done("a/t"), tasks.is_done("b/t")])
"""
    assert told(tmp_path, body) == [
        [[], [False, False], []],
        [[0, 1], [True, False]],
        [False, True],
    ]


def test_a_note_belongs_to_one_attempt(tmp_path: Path) -> None:
    body = """
attempt("a/t", 0)
attempt("a/t", 1, note={"root": "r", "outcome": {"splits": 3}})
told += [tasks.note("a/t", number) for number in (0, 1, 2)]
"""
    assert told(tmp_path, body) == [None, {"root": "r", "outcome": {"splits": 3}}, None]


def test_an_artifact_is_that_of_the_last_attempt(tmp_path: Path) -> None:
    body = """
attempt("train/t-1", 0, _control_mapper_tasks=["old"])
attempt("train/t-1", 1, _control_mapper_tasks=["windmill-r/train/t-1"])
told.append(tasks.artifact("train/t-1", "_control_mapper_tasks"))
"""
    assert told(tmp_path, body) == [["windmill-r/train/t-1"]]


def test_a_task_succeeded_if_its_last_attempt_did(tmp_path: Path) -> None:
    body = """
here = {'_foreach_stack': []}
attempt("a/t", 0, **here, _task_ok=False)
attempt("a/t", 1, **here, _task_ok=True, value=1)
attempt("b/t", 0, **here, _task_ok=True)
attempt("b/t", 1, done=False)
attempt("c/t", 0, **here, _task_ok=False)
told.append(tasks.succeeded("a/t")["value"])
told.append([tasks.succeeded(name) for name in ("b/t", "c/t", "d/t")])
told.append(sorted(name for name, _ in tasks.all_succeeded()))
told.append([name for name, _ in tasks.all_succeeded("c")])
told.append(list(tasks.of_run("windmill-none").all_succeeded()))
"""
    assert told(tmp_path, body) == [1, [None, None, None], ["a/t"], [], []]


def test_what_is_kept_of_a_run(tmp_path: Path) -> None:
    body = """
told.append(tasks.kept("origin.json"))
tasks.keep("origin.json", {"run": "12"})
tasks.keep("origin.json", {"run": "13"})
told.append(tasks.kept("origin.json"))
told.append(tasks.of_run("windmill-other").kept("origin.json"))
"""
    assert told(tmp_path, body) == [None, {"run": "13"}, None]
