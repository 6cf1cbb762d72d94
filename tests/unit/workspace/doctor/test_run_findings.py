"""What doctor says of queues, workers, schedules and filters, by answers that no test server gives."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.answering import Answering

from metaflow_windmill.client.models import Job, JobState, Schedule
from metaflow_windmill.client.transport import Response
from metaflow_windmill.contract.record import PackageInfo, Record, ScheduleInfo, StoreInfo
from metaflow_windmill.workspace.doctor.flow_findings import references, tags_of
from metaflow_windmill.workspace.doctor.machine import disk_finding
from metaflow_windmill.workspace.doctor.queue_findings import late_findings, unserved_finding, worker_findings
from metaflow_windmill.workspace.doctor.run_findings import webhook_findings
from metaflow_windmill.workspace.doctor.schedule_findings import due_text, schedule_faults
from metaflow_windmill.workspace.doctor.server_findings import InspectedSite, told
from metaflow_windmill.workspace.doctor.sync import covers, folder_findings, repository_findings

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.workspace.doctor.findings import Finding

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
DAILY = ScheduleInfo("0 0 3 * * *")
PATH = "f/team/Flow"


def workers(*rows: dict[str, Any]) -> list[Finding]:
    answers = {"GET /workers/list": [list(rows)], "GET /version": Response(200, b"CE v1.788.0")}
    return list(worker_findings(InspectedSite(Answering(answers), "https://host", "admins", "f/team")))


def test_no_worker_is_alive() -> None:
    (found,) = workers()
    assert (found.state, found.said) == ("bad", "No worker is alive, so nothing runs.")
    assert "`docker compose up -d windmill_worker`" in found.advice


def test_a_worker_of_another_release() -> None:
    rows = [
        {"worker": "wk-1", "worker_group": "gpu", "wm_version": "v1.788.0"},
        {"worker": "wk-2", "worker_group": "gpu", "wm_version": "v1.700.3"},
    ]
    other, all_ = workers(*rows)
    assert (other.state, other.said) == (
        "warn",
        "The worker wk-2 is of version 1.700.3, and the server of 1.788.0.",
    )
    assert "`docker compose pull && docker compose up -d`" in other.advice
    assert all_.said == "2, of 1 group"


def waiting(seconds: int, path: str = PATH) -> Job:
    due = datetime.fromtimestamp(NOW.timestamp() - seconds, timezone.utc)
    return Job("id", JobState.PENDING, path, created_at=due, tag="gpu")


def test_jobs_that_wait() -> None:
    assert not list(late_findings({"gpu": [waiting(5)]}, 2, NOW))
    (late,) = late_findings({"gpu": [waiting(5), waiting(75)]}, 2, NOW)
    assert late.said == "2 jobs wait for the tag 'gpu', since 75 s; 2 workers alive, all at work."
    (unknown,) = late_findings({"gpu": [waiting(75)]}, None, NOW)
    assert unknown.said == "1 job waits for the tag 'gpu', since 75 s."
    unserved = unserved_finding("gpu", [waiting(1), waiting(1, "f/team/Other")])
    assert unserved.said == "2 jobs wait for the tag 'gpu' (f/team/Flow and others), which no worker has."
    assert "WORKER_TAGS=gpu" in unserved.advice


def schedule(**more: Any) -> Schedule:
    return Schedule(PATH, "0 0 3 * * *", "Etc/UTC", enabled=True, flow_path=PATH, **more)


def record() -> Record:
    return Record(
        "Flow", "ada", "t", PackageInfo("", "", "", ""), StoreInfo("s3"), StoreInfo("local"), schedule=DAILY
    )


@pytest.mark.parametrize(
    ("more", "said", "command"),
    [
        ({"error": "the quota is used up"}, f"queue the next run of {PATH}: the quota is used up", "suspend"),
        ({"acts_for": "u/bob"}, f"schedule of {PATH} acts for bob, who is not in the work", "unsuspend"),
    ],
)
def test_what_windmill_says_of_a_schedule(more: dict[str, str], said: str, command: str) -> None:
    (found,) = schedule_faults(schedule(**more), record(), frozenset({"ada"}), NOW)
    assert found.state == "bad"
    assert said in found.said
    assert f"python flow.py windmill {command}" in found.advice


@pytest.mark.parametrize("acts_for", ["u/ada", "g/team", ""])
def test_a_schedule_that_is_well(acts_for: str) -> None:
    past = datetime(2029, 12, 31, tzinfo=timezone.utc)
    well = schedule(acts_for=acts_for, paused_until=past)
    assert not list(schedule_faults(well, record(), frozenset({"ada"}), NOW))
    assert not list(schedule_faults(schedule(acts_for="u/bob"), record(), frozenset(), NOW))


def test_schedules_are_told_by_what_is_next() -> None:
    due = [("2030-01-02 03:00", "f/b"), ("2030-01-01 03:00", "f/a"), ("", "f/c")]
    assert due_text(due) == "3 on; due next: f/a at 2030-01-01 03:00 UTC, f/b at 2030-01-02 03:00 UTC"
    assert due_text([]) == "0 on"


def test_tokens_of_webhooks() -> None:
    def token(ends: str | None, *scopes: str) -> dict[str, Any]:
        return {"token_prefix": "abc", "label": "", "expiration": ends, "scopes": list(scopes)}

    starts = f"jobs:run:flows:{PATH}"
    late, early = "2031-01-01T00:00:00Z", "2029-01-01T00:00:00Z"
    well = [token(None, starts), token(early, "flows:read"), token(late, starts)]
    assert not list(webhook_findings(well, [PATH], NOW))
    over, soon = webhook_findings(
        [token("2029-12-01T00:00:00Z", starts), token("2030-01-03T00:00:00Z", starts)], [PATH], NOW
    )
    assert (over.state, soon.state) == ("bad", "warn")
    assert over.said == f"The token abc... (no label) that starts {PATH} ended on 2029-12-01."


@pytest.mark.parametrize(
    ("includes", "excludes", "extra", "covered"),
    [
        (["f/**"], [], [], True),
        (["**"], [], [], True),
        (["f/*/Flow.flow/*"], [], [], True),
        (["f/{team,other}/**"], [], [], True),
        (["f/metaflow/**"], [], [], False),
        (["f/*"], [], [], False),
        (["f/**"], ["f/team/**"], [], False),
        (["f/**"], [], ["f/other/**"], False),
    ],
)
def test_filters_are_read_as_wmill_reads_them(
    includes: list[str], excludes: list[str], extra: list[str], covered: bool
) -> None:
    assert covers(f"{PATH}.flow/flow.yaml", includes, excludes, extra) is covered


def test_git_sync_that_pulls_by_itself() -> None:
    repository: dict[str, Any] = {
        "git_repo_resource_path": "$res:f/team/repo",
        "settings": {"include_path": ["f/**"], "include_type": ["flow"]},
        "auto_pull": {"enabled": True},
    }
    (found,) = repository_findings(repository, [PATH, "f/team/Other"])
    assert found.state == "bad"
    assert "with f/team/repo covers f/team/Flow and 1 more" in found.said
    assert "Exclude f/team/**" in found.advice
    repository["settings"]["include_type"] = ["script"]
    assert not list(repository_findings(repository, [PATH]))


def test_a_folder_that_wmill_pushes_from(tmp_path: Path) -> None:
    below = tmp_path / "deep"
    below.mkdir()
    assert not list(folder_findings(below, [PATH]))
    (tmp_path / "wmill.yaml").write_text("includes: ['f/**']\n", encoding="utf-8")
    (found,) = folder_findings(below, [PATH])
    assert found.said.startswith(f"`wmill sync push` from {tmp_path} deletes {PATH}")
    held = tmp_path / f"{PATH}.flow"
    held.mkdir(parents=True)
    (held / "flow.yaml").touch()
    assert not list(folder_findings(below, [PATH]))
    for text in ("skipFlows: true\n", "includes: [f/metaflow/**]\n", "{broken", "- a list\n"):
        (tmp_path / "wmill.yaml").write_text(text, encoding="utf-8")
        assert not list(folder_findings(below, ["f/x/Y"])), text


@pytest.mark.parametrize(("free", "state"), [(5000, "ok"), (500, "warn"), (50, "bad")])
def test_disks(free: float, state: str) -> None:
    found = disk_finding("/tmp/job", free)
    assert found.state == state
    assert ("docker system prune" in found.advice) == (state != "ok")


def test_what_a_flow_needs() -> None:
    value = {
        "flow_env": {"x": {"type": "rawscript", "tag": "no"}},
        "modules": [
            {"value": {"type": "rawscript", "tag": "gpu", "content": "about $var:f/a/b"}},
            {"value": {"type": "forloopflow", "modules": [{"value": {"type": "rawscript", "tag": "big"}}]}},
            {"secrets": ["$var:f/a/b", {"resource": "$res:u/ada/pg", "field": "password"}, 3, None]},
        ],
    }
    assert list(tags_of(value)) == ["gpu", "big"]
    assert list(references(value)) == [("var", "f/a/b"), ("res", "u/ada/pg")]


def test_what_may_not_be_asked_is_told() -> None:
    answers = {"GET /workers/list": Response(403, b"Forbidden")}
    site = InspectedSite(Answering(answers), "https://host", "admins", "f/team")
    (found,) = told("workers alive", lambda: worker_findings(site))
    assert (found.subject, found.state) == ("workers alive", "warn")
    assert found.said.startswith("It cannot be told: ")
