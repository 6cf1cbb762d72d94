"""A task that is cloned without its flow's file is what Metaflow's own command makes with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.support.oracle import Home

from metaflow_windmill.internals.cloned_tasks import can_clone

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.metaflow

FLOW = """
from metaflow import FlowSpec, step

class Cloned(FlowSpec):
    @step
    def start(self):
        self.made = {"a": [1, 2]}
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Cloned()
"""
CLONES = """
import os, sys
from metaflow_windmill.internals.cloned_tasks import clone_task, provider_of
from metaflow.datastore import FlowDataStore
from metaflow.plugins.datastores.local_storage import LocalStorage

LocalStorage.datastore_root = sys.argv[1]
origin = sys.argv[2]
sys.argv[0] = "flow.py"
provider = provider_of("Cloned", "local", ["nightly"])
datastore = FlowDataStore("Cloned", None, provider, storage_impl=LocalStorage, ds_root=sys.argv[1])
clone_task(datastore, provider, "windmill-x/start/by-name", origin, 0)
"""
SHOWS = """
import json, sys
from metaflow import Task, namespace
namespace(None)
def seen(name):
    task = Task(name)
    return {
        "made": task.data.made, "successful": task.successful, "origin": task.origin_pathspec,
        "tags": sorted(task.tags), "metadata": sorted((item.name, item.type) for item in task.metadata),
        "script": task.metadata_dict.get("script-name"),
    }
print(json.dumps([seen(name) for name in sys.argv[1:]]))
"""


def test_a_clone_is_what_the_command_makes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    flow = home.write("flow", FLOW)
    ran = home.python(flow, "--quiet", "--no-pylint", "run", "--run-id-file=ran")
    assert ran.returncode == 0, ran.stderr
    origin = f"{(tmp_path / 'ran').read_text()}/start/1"
    begun = home.python(flow, "--quiet", "--no-pylint", "init", "--run-id=windmill-x", "--task-id=first")
    assert begun.returncode == 0, begun.stderr
    step = ("step", "start", "--run-id=windmill-x", "--task-id=by-command", "--tag=nightly")
    by_command = home.python(flow, "--quiet", "--no-pylint", *step, f"--clone-only={origin}")
    assert by_command.returncode == 0, by_command.stderr
    by_name = home.python("-c", CLONES, tmp_path / ".metaflow", origin)
    assert by_name.returncode == 0, by_name.stderr
    shown = home.python("-c", SHOWS, *(f"Cloned/windmill-x/start/by-{way}" for way in ("command", "name")))
    assert shown.returncode == 0, shown.stderr
    there, here = json.loads(shown.stdout)
    assert here == there
    assert (here["made"], here["successful"], here["origin"]) == ({"a": [1, 2]}, True, f"Cloned/{origin}")


@pytest.mark.parametrize(
    ("provider", "options", "can"),
    [
        ("local", (), True),
        ("service", ("--environment=local", "--event-logger=nullSidecarLogger", "--with=retry"), True),
        ("service", ("--monitor=debugMonitor",), False),
        ("elsewhere", (), False),
    ],
)
def test_providers_and_sidecars_of_others_get_the_flow(
    provider: str, options: tuple[str, ...], can: bool
) -> None:
    assert can_clone(provider, options) is can
