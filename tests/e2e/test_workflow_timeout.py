"""``--workflow-timeout``: a run that takes too long is stopped, whoever started it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.support.deployed import Deployed
from tests.support.oracle import Home
from tests.support.patience import patient

from metaflow_windmill.client.models import instant

if TYPE_CHECKING:
    from tests.support.deployed import Target

    from metaflow_windmill.client.models import Job

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).parent / "flows" / "limited.py"
MAY_TAKE = round(patient(15))


@pytest.fixture(scope="module")
def limited(windmill: Target, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    home = Home(tmp_path_factory.mktemp("limited"))
    file = home.write("limited", FLOW.read_text(encoding="utf-8"))
    deployed = Deployed(home, windmill, file, "Limited")
    deployed.create("--workflow-timeout", str(MAY_TAKE))
    return deployed


def jobs_of(deployed: Deployed, run: Job, ending: str) -> list[Job]:
    """Return the jobs of a run whose path ends so."""
    assert run.created_at is not None
    client = deployed.target.client
    listed = client.list_jobs(
        script_path_start="f/flows/Limited/", created_after=instant(run.created_at), per_page=1000
    )
    return [client.get_job(job.id) for job in listed if job.path.endswith(ending)]


def alive(word: str) -> bool:
    """Tell whether a process that was given a word is there; one that ended has no words any more."""
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if word.encode() in words.read_bytes().split(b"\0"):
                return True
    return False


def test_a_run_that_takes_too_long_is_stopped_and_fails(limited: Deployed) -> None:
    client = limited.target.client
    job_id = client.run_flow("f/flows/Limited", {"how": "hang"}, str(uuid4()))  # as Windmill's own page does
    run = limited.wait(f"windmill-{job_id}")
    assert run.state.value == "FAILED"
    assert MAY_TAKE <= (run.seconds or 0) < MAY_TAKE + 45
    error = run.result["error"]
    assert error["name"] == "WorkflowTimeout"
    assert f"longer than the {MAY_TAKE} seconds of its --workflow-timeout, so step 'work'" in error["message"]
    tasks = jobs_of(limited, run, "/work")
    ends = [job.result["error"]["message"].partition(". ")[0].rpartition(" was ")[2] for job in tasks]
    assert sorted(ends) == ["not begun", "stopped", "stopped"]  # two workers; none of the tasks ran again
    for job in tasks:
        for mark in re.findall(r"sleeps (\S+)", client.job_logs(job.id)):
            assert not alive(mark)
    (hooks,) = jobs_of(limited, run, "end_on_error")
    assert f"mourns windmill-{job_id}" in client.job_logs(hooks.id)
    status = limited.command("status", f"windmill-{job_id}").stdout
    assert "failed at work: WorkflowTimeout: The run took longer" in status
    log = limited.home.python(limited.flow, "--quiet", "logs", f"windmill-{job_id}/work/t-0", env={})
    assert "so step 'work' was stopped" in log.stdout + log.stderr


def test_no_attempt_is_waited_for_that_would_come_too_late(limited: Deployed) -> None:
    run_id = limited.trigger("--how", "fail")
    run = limited.wait(run_id, 60)
    assert run.result["error"]["message"] == "start fails"
    (start,) = jobs_of(limited, run, "/start")
    assert "There is no time for another attempt" in limited.target.client.job_logs(start.id)
