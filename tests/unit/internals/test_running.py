"""The names of Metaflow that a running task is asked by; one that a Metaflow lacks fails in its test."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.snippets import output_of

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow

ROOT = str(Path(__file__).parents[3])
OF_A_GANG = {"TaskFlow._control_mapper_tasks of Asked"}
"""What a task has only once it was told; a test of its own looks at that."""

FLOW = """
    from metaflow import FlowSpec, current, parallel, step
    from metaflow_windmill.internals import running, shapes
    from tests.support.members import lacking

    class Asked(FlowSpec):
        def next(self, *steps, **how):
            super().next(*steps, **how)
            self.nodes = running.size_of_gang(self)
            if "foreach" in how:
                self.over, self.splits = running.foreach_variable(self), running.number_of_splits(self)
            if "condition" in how:
                self.chosen = running.chosen_step(self)
                self.lacking = [*lacking(shapes.TaskFlow, self), *lacking(shapes.TaskStore, self._datastore)]

        @step
        def start(self):
            self.items = ["a", "b", "c"]
            running.tell_task(told_of=7)
            self.told, self.hidden = current.told_of, sorted(running.short_lived(self))
            self.next(self.body, foreach="items")

        @step
        def body(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.asked)

        @step
        def asked(self):
            self.next(self.gang, num_parallel=2)

        @parallel
        @step
        def gang(self):
            running.tell_join(self, [f"{current.run_id}/gang/{current.task_id}"])
            self.next(self.gathered)

        @step
        def gathered(self, inputs):
            self.read = [task._current_step for task in inputs]
            self.next(self.choose)

        @step
        def choose(self):
            self.way = "left"
            self.next({"left": self.left, "right": self.right}, condition="way")

        @step
        def left(self):
            self.next(self.end)

        @step
        def right(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Asked()
"""
READ = """
    import json
    from metaflow import Flow, namespace
    from metaflow.datastore import FlowDataStore
    from metaflow.plugins import DATASTORES
    from metaflow_windmill.internals import running

    namespace(None)
    run = Flow("Asked").latest_run
    said = {f"{step.id}.{item.id}": item.data for step in run for task in step for item in task}
    local = next(kind for kind in DATASTORES if kind.TYPE == "local")
    root = local.get_datastore_root_from_config(print)
    store = FlowDataStore("Asked", None, storage_impl=local, ds_root=root)
    start = store.get_task_datastore(run.id, "start", run["start"].task.id)
    said["infos"] = {name: sorted(info) for name, info in running.artifacts_in(start).items()}
    said["bytes"] = running.bytes_of(start, "items").hex()
    end = store.get_task_datastore(run.id, "end", run["end"].task.id)
    running.take_over(end, start, ["told"])
    said["taken"] = [end["told"], "told" in running.artifacts_in(end)]
    print(json.dumps(said, default=repr))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """What a run by Metaflow itself kept of what its tasks asked, and what its datastore answers."""
    folder = tmp_path_factory.mktemp("asked")
    # Metaflow starts the nodes of a gang with the first `python` of the path.
    here = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    home = {"HOME": str(folder), "USERNAME": "somebody", "PATH": here, "PYTHONPATH": ROOT}
    run = "import sys\nif not sys.argv[1:]:\n    sys.argv[1:] = ['--quiet', '--no-pylint', 'run']\n"
    output_of(run + "".join(line.removeprefix("    ") + "\n" for line in FLOW.splitlines()), folder, env=home)
    return dict(json.loads(output_of(READ, folder, env=home)))


def test_a_foreach_is_known_before_its_tasks_begin(said: dict[str, Json]) -> None:
    assert (said["start.over"], said["start.splits"], said["start.nodes"]) == ("items", 3, None)


def test_a_task_and_its_datastore_have_each_member_that_is_asked_of_them(said: dict[str, Json]) -> None:
    assert [name for name in said["choose.lacking"] if name not in OF_A_GANG] == []


def test_a_gang_is_known_by_its_size(said: dict[str, Json]) -> None:
    assert said["asked.nodes"] == 2


def test_a_join_reads_what_the_control_task_says(said: dict[str, Json]) -> None:
    assert said["gathered.read"] == ["gang"]


def test_a_switch_names_the_step_that_it_chose(said: dict[str, Json]) -> None:
    assert said["choose.chosen"] == "left"


def test_the_task_sees_what_it_is_told(said: dict[str, Json]) -> None:
    assert said["start.told"] == 7


def test_what_is_never_kept_is_named(said: dict[str, Json]) -> None:
    assert set(said["start.hidden"]) & {"_datastore", "_cached_input"}
    assert not [name for name in said if name.split(".")[-1] in said["start.hidden"]]


def test_an_artifact_has_its_type_size_and_encoding(said: dict[str, Json]) -> None:
    assert {"type", "size", "encoding"} <= set(said["infos"]["items"])


def test_an_artifact_is_read_as_it_was_pickled(said: dict[str, Json]) -> None:
    assert pickle.loads(bytes.fromhex(said["bytes"])) == ["a", "b", "c"]


def test_a_datastore_that_is_read_takes_over_artifacts(said: dict[str, Json]) -> None:
    assert said["taken"] == [7, True]


def test_a_task_starts_no_git(tmp_path: Path) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\ntouch asked\nexit 1\n")
    (tmp_path / "git").chmod(0o755)
    said = """
        from pathlib import Path
        from metaflow import metaflow_git
        from metaflow_windmill.internals.running import spare_git
        spare_git()
        print(metaflow_git.get_repository_info("."), Path("asked").exists())
        metaflow_git._git_info_cache = None
        metaflow_git.get_repository_info(".")
        print(Path("asked").exists())
    """
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": ROOT}
    assert output_of(said, tmp_path, env=env) == "{} False\nTrue\n"
