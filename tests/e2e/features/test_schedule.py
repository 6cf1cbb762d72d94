"""A schedule that fires: the run that it starts, and what the run is told of the time that it was due."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed
from tests.support.oracle import Home
from tests.support.server import wait_until

if TYPE_CHECKING:
    from tests.support.deployed import Target

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).with_name("flows") / "nightly.py"
PATH = "f/flows/NightlyFlow"
OFTEN = {"schedule": "*/2 * * * * *", "timezone": "Etc/UTC", "cron_version": "v2", "args": {}}
READ = """
import json, sys
from metaflow import Run, namespace
namespace(None)
tasks = {step.id: step.task for step in Run(sys.argv[1])}
given = {name: task.data.due.isoformat() for name, task in tasks.items() if "due" in task}
found = {name: task.metadata_dict.get("windmill-scheduled-for") for name, task in tasks.items()}
print(json.dumps([given, found, tasks["end"].metadata_dict.get("windmill-schedule-path")]))
"""
ALL = ["end", "join", "start", "work"]


def test_a_schedule_fires_and_the_run_knows_for_when(
    tmp_path_factory: pytest.TempPathFactory, windmill: Target
) -> None:
    home = Home(tmp_path_factory.mktemp("nightly"))
    nightly = Deployed(home, windmill, home.write("nightly", FLOW.read_text()), "NightlyFlow")
    nightly.create()
    first = fired(nightly)
    assert first.schedule == PATH
    given, kept, path = told(nightly, f"windmill-{first.id}")
    (due,) = {*given.values(), *kept.values()}
    assert sorted(given) == sorted(kept) == ALL
    assert path == PATH
    tick = datetime.fromisoformat(due)
    assert (tick.second % 2, tick.microsecond) == (0, 0)
    assert first.created_at
    assert abs(first.created_at - tick) < timedelta(seconds=30)

    file = home.root / "resumed"
    resumed = nightly.command("resume", f"windmill-{first.id}", "--fail=false", f"--run-id-file={file}")
    assert resumed.returncode == 0, resumed.stderr
    given, _, path = told(nightly, file.read_text())
    assert given == dict.fromkeys(ALL, due)
    assert path is None


def fired(nightly: Deployed) -> Job:
    """Have the schedule fire soon, and turn it off; return the first run, which has ended.

    Windmill 1.788 looks the schedule up when a run takes its first step: it fails if the schedule is gone.
    """
    client = nightly.target.client
    client.schedules.update(PATH, OFTEN)
    try:
        wait_until(
            lambda: any(job.started_at for job in client.list_runs(PATH)), 60, "the schedule did not fire"
        )
    finally:
        client.schedules.enable(PATH, enabled=False)
    *others, first = (job for job in client.list_runs(PATH) if job.started_at)
    for job in others:
        client.cancel_job(job.id, "one run is enough")
    assert nightly.wait(f"windmill-{first.id}").state.value == "FAILED"
    return first


def told(nightly: Deployed, run: str) -> list[Json]:
    """Return what the tasks of a run kept, what their metadata says, and which schedule it was."""
    done = nightly.home.python("-c", READ, f"NightlyFlow/{run}")
    assert done.returncode == 0, done.stderr
    found: list[Json] = json.loads(done.stdout)
    return found
