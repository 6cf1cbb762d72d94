"""Metadata that lies with the data: Metaflow's client finds what tasks have left, where that was fetched."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.metaflow

PROGRAM = """
import os, sys

from metaflow import Run, namespace
from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.runtime.child.current_trigger import trigger_of

EVENT = {"type": "run", "id": "Other/windmill-2/end/t", "name": "metaflow.Other.end", "timestamp": 1}
namespace(None)
trigger = trigger_of([EVENT], StoreInfo("local", sys.argv[1]))
print(trigger.event.name, trigger.run.pathspec, [step.id for step in trigger.run], trigger["Other"].id)
print(Run("Other/windmill-0").pathspec)
try:
    trigger_of([EVENT], None).run
except Exception as why:
    print(type(why).__name__)
"""
LEAVE = """
import json, os, shutil, sys
from metaflow.plugins.datastores.local_storage import LocalStorage
from metaflow_windmill.contract.record import StoreInfo
from metaflow_windmill.runtime.child.local_metadata import leave
from metaflow_windmill.runtime.position.tasks import flow_datastore_at

store = flow_datastore_at(StoreInfo("local", sys.argv[1]), "Other")
LocalStorage.datastore_root = os.path.abspath(".metaflow")
for run, origin in (("windmill-2", "windmill-1"), ("windmill-1", "windmill-0"), ("windmill-0", "None")):
    for step in ("start", "end"):
        for attempt in (0, 1):
            root = f".metaflow/Other/{run}/{step}/t/_meta"
            os.makedirs(root, exist_ok=True)
            for place in ("", f"/{run}", f"/{run}/{step}", f"/{run}/{step}/t"):
                meta = f".metaflow/Other{place}/_meta"
                os.makedirs(meta, exist_ok=True)
                parts = f"Other{place}".split("/")
                words = dict(zip(("flow_id", "run_number", "step_name", "task_id"), parts))
                said = {"user_name": "ann", "ts_epoch": 1, "tags": [], "system_tags": [], **words}
                with open(f"{meta}/_self.json", "w") as file:
                    json.dump(said, file)
            with open(f"{root}/sysmeta_origin-run-id_1.json", "w") as file:
                json.dump({"field_name": "origin-run-id", "value": origin}, file)
            task = store.get_task_datastore(run, step, "t", attempt=attempt, mode="w")
            task.init_task()
            if attempt:  # another node of a gang writes there, and the step's code has gone elsewhere
                os.symlink("not there any more", f"{root}/vanishes.json")
                open(f"{root}/tmp_half_written", "w").close()
            os.chdir("/")
            leave(task)
            os.chdir(os.environ["HOME"])
    shutil.rmtree(".metaflow/Other")
"""


def test_a_triggers_run_is_fetched_when_it_is_asked_for(tmp_path: Path) -> None:
    there, here, store = (tmp_path / name for name in ("there", "here", "store"))
    for directory in (there, here / ".metaflow", store):
        directory.mkdir(parents=True)
    python(LEAVE, there, store)
    told = python(PROGRAM, here, store).splitlines()
    assert told[0] == "metaflow.Other.end Other/windmill-2 ['end', 'start'] windmill-2"
    assert sorted(path.name for path in (here / ".metaflow").iterdir()) == ["Other"]
    assert "Other/windmill-0" in told, "what its clones come from"
    names = {path.name.partition("_")[0] for path in here.rglob("*") if path.is_file()}
    assert names == {"", "sysmeta"}, "what is whole, and nothing else"


def python(program: str, directory: Path, store: Path) -> str:
    """Run a program as on another machine: what is local is its own directory."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(store)],
        cwd=directory,
        env={
            "PATH": "",
            "HOME": str(directory),
            "METAFLOW_USER": "ann",
            "METAFLOW_DEFAULT_METADATA": "local",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
