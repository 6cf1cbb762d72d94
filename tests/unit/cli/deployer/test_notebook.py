"""What a notebook shows in one line, whatever names it is given."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from metaflow_windmill.cli.deployer.notebook import flow_html, link, run_html
from metaflow_windmill.client.models import Job, JobState

BEGAN = datetime(2026, 1, 2, tzinfo=timezone.utc)
HARM = '<script>alert("x")</script>'
HARMLESS = "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"


def job(state: JobState, *modules: dict[str, Any], seconds: float | None = None) -> Job:
    end = None if seconds is None else BEGAN + timedelta(seconds=seconds)
    began = BEGAN if end else None
    status = {"modules": list(modules)} if modules else None
    return Job("1", state, "f/flows/F", started_at=began, completed_at=end, flow_status=status)


def part(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, **more}


def shown(of: Job) -> str:
    """Return what follows the link."""
    return run_html("F/windmill-1", "https://w/run/1", of).partition("</a>")[2]


def test_a_run_that_waits_has_nothing_more_to_tell() -> None:
    assert shown(job(JobState.PENDING)) == " is <b>PENDING</b>"


def test_how_far_a_run_is_and_what_runs_now() -> None:
    parts = (
        part("start", "Success"),
        part("models", "InProgress", flow_jobs=["a", "b", "c"], flow_jobs_success=[True, None, False]),
        part("end", "WaitingForPriorSteps"),
    )
    assert shown(job(JobState.RUNNING, *parts)) == (
        " is <b>RUNNING</b>, 1 of 3 parts done, now: models (2 of 3)"
    )


def test_a_run_that_failed_names_where() -> None:
    parts = (part("start", "Success"), part("train", "Failure"), part("end", "WaitingForPriorSteps"))
    assert shown(job(JobState.FAILED, *parts, seconds=90)) == (
        " is <b>FAILED</b>, 1 min 30 s, 1 of 3 parts done, failed: train"
    )
    assert shown(job(JobState.CANCELED)) == " is <b>FAILED</b>"


def test_a_run_that_succeeded_is_done_whatever_nobody_waited_for() -> None:
    parts = (part("start", "Success"), part("end_published", "WaitingForPriorSteps"))
    assert shown(job(JobState.SUCCEEDED, *parts, seconds=2.0)) == " is <b>SUCCEEDED</b>, 2.0 s"


def test_many_parts_are_counted() -> None:
    parts = [part(f"s{number}", "InProgress") for number in range(9)]
    assert shown(job(JobState.RUNNING, *parts)).endswith("now: s0, s1, s2 and 6 more")


def test_names_do_no_harm() -> None:
    assert HARM not in shown(job(JobState.RUNNING, part(HARM, "InProgress")))
    assert flow_html(HARM, HARM, "https://w") == f'<a href="https://w">{HARMLESS}</a> at {HARMLESS}'


def test_an_address_that_is_not_of_the_web_is_no_link() -> None:
    assert link("javascript:alert(1)", "it") == "it"
    assert link('https://w/"><b>', "it") == '<a href="https://w/&quot;&gt;&lt;b&gt;">it</a>'
