from __future__ import annotations

import pytest

from metaflow_windmill.runtime.position.current_job import CurrentJob, read_job


def test_reads_what_windmill_tells() -> None:
    told = {
        "WM_JOB_ID": "j",
        "WM_WORKSPACE": "w",
        "WM_FLOW_JOB_ID": "iteration",
        "WM_ROOT_FLOW_JOB_ID": "flow",
        "WM_ROOT_JOB_ID": "outermost",
        "WM_FLOW_STEP_ID": "train",
        "WM_FLOW_PATH": "f/flows/Models/forloop-3/branchone-1",
        "WM_BASE_URL": "https://windmill.test/",
        "BASE_INTERNAL_URL": "http://inside:8000",
        "WM_SCHEDULE_PATH": "",
    }
    job = read_job(told)
    assert (job.id, job.flow, job.run, job.root) == ("j", "iteration", "flow", "outermost")
    assert (job.step, job.flow_path) == ("train", "f/flows/Models")
    assert (job.server, job.page) == ("http://inside:8000", "https://windmill.test/run/j?workspace=w")
    assert job.schedule == ""


def test_falls_back_on_what_there_is() -> None:
    job = read_job({"WM_FLOW_JOB_ID": "f", "WM_BASE_URL": "http://a"})
    assert (job.run, job.root, job.server) == ("f", "f", "http://a")
    assert read_job({}) == CurrentJob()
    assert read_job({}).page == ""


@pytest.mark.parametrize(
    "path", ["f/flows/loop", "f/flows/loop-3x", "f/flows/forloop-3/Flow", "f/forloop-3x/branchall"]
)
def test_a_path_that_only_looks_like_a_loop_is_kept(path: str) -> None:
    assert read_job({"WM_FLOW_PATH": path}).flow_path == path
