"""Notifications: what each channel is sent, and what a receiver may do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.scripted_server import Answer, scripted_server
from tests.support.server import wait_until

from metaflow_windmill.runtime.afterwards.messages import EndedRun, Post, ended_of, post_of
from metaflow_windmill.runtime.afterwards.notification_job import send

if TYPE_CHECKING:
    from metaflow_windmill.contract.notification import ChannelKind

PAGE = "https://windmill.test/run/1?workspace=w"
WELL = EndedRun("Flow", "windmill-1", "f/flows/Flow", "w", PAGE, "ann", schedule="f/flows/Flow")
BADLY = replace(WELL, error={"step": "train", "name": "ValueError", "message": "no <data>"})


def quick(_: float) -> None:
    """Do not wait between two tries."""


def test_slack_shows_what_failed_with_its_own_marks_made_harmless() -> None:
    post = post_of("slack", BADLY, "https://hooks.test/secret", {})
    assert post.url == "https://hooks.test/secret"
    assert post.body["text"] == (
        f":x: *Flow/windmill-1* failed. <{PAGE}|Its page>\n```at step train: ValueError: no &lt;data&gt;```"
    )
    unknown = replace(WELL, page="")
    assert post_of("slack", unknown, "", {}).body["text"] == ":white_check_mark: *Flow/windmill-1* succeeded."


def test_a_webhook_gets_all_there_is_to_know() -> None:
    body = post_of("webhook", BADLY, "https://mine.test", {}).body
    assert (body["status"], body["pathspec"], body["schedule"]) == (
        "failed",
        "Flow/windmill-1",
        "f/flows/Flow",
    )
    assert body["error"] == BADLY.error


def test_pager_duty_gets_an_alert_for_a_failure_and_a_change_for_a_success() -> None:
    alert = post_of("pager_duty", BADLY, "the-key", {})
    assert alert.url == "https://events.pagerduty.com/v2/enqueue"
    assert (alert.body["routing_key"], alert.body["event_action"]) == ("the-key", "trigger")
    assert alert.body["dedup_key"] == "Flow/windmill-1"
    assert alert.body["payload"] == {
        "summary": "Metaflow run Flow/windmill-1 failed: at step train: ValueError: no <data>",
        "source": "f/flows/Flow",
        "severity": "error",
        "custom_details": {"Flow": "Flow", "Run ID": "windmill-1"},
    }
    change = post_of("pager_duty", WELL, "the-key", {})
    assert change.url == "https://events.pagerduty.com/v2/change/enqueue"
    assert change.body["payload"]["summary"] == "Metaflow run Flow/windmill-1 succeeded"


@pytest.mark.parametrize(("ended", "status"), [(WELL, "succeeded"), (BADLY, "failed")])
def test_incident_io_gets_the_metadata_of_the_command_line(ended: EndedRun, status: str) -> None:
    settings = {"source": "01GW", "metadata": {"team": "data"}}
    post = post_of("incident_io", ended, "the-key", settings)
    assert post.url == "https://api.incident.io/v2/alert_events/http/01GW"
    assert post.headers == {"Authorization": "Bearer the-key"}
    assert post.body["title"] == f"Flow Flow has {status}."
    assert post.body["metadata"] == {
        "team": "data",
        "run_status": status,
        "flow_name": "Flow",
        "run_id": "windmill-1",
    }


@pytest.mark.parametrize("kind", ["slack", "webhook", "pager_duty", "incident_io"])
def test_nothing_secret_is_in_the_text_of_a_request(kind: ChannelKind) -> None:
    post = post_of(kind, BADLY, "https://hooks.test/secret", {"source": "01GW"})
    assert "secret" not in repr(post)


def test_what_windmill_tells_of_an_error_is_cut_to_what_a_channel_takes() -> None:
    assert ended_of(None) == {"step": "", "name": "Error", "message": "the run failed"}
    told = ended_of({"name": "ValueError", "message": "x" * 5000, "step_id": "train"})
    assert (told["step"], len(told["message"])) == ("train", 2000 + len(" ... (cut)"))


@pytest.mark.parametrize(
    ("answers", "reason", "asked"),
    [
        ([Answer(200)], "", 1),
        ([Answer(204)], "", 1),
        ([Answer(404, "no_service")], "127.0.0.1 answered 404: no_service", 1),
        ([Answer(302, headers={"Location": "http://elsewhere.test"})], "127.0.0.1 answered 302", 1),
        ([Answer(500, "oh"), Answer(200)], "", 2),
        ([Answer(429), Answer(503)], "127.0.0.1 answered 503", 2),
        ([Answer(drop=True), Answer(200)], "", 2),
        ([Answer(drop=True)] * 2, "127.0.0.1 cannot be reached (ConnectionError)", 2),
        ([Answer(stall=True)] * 2, "127.0.0.1 did not answer within 0.2 seconds", 2),
        ([Answer(400, "long " * 1000)], f"127.0.0.1 answered 400: {('long ' * 40).strip()}", 1),
    ],
)
def test_a_receiver_may_do_what_it_likes(answers: list[Answer], reason: str, asked: int) -> None:
    seconds = 0.2 if "within 0.2 seconds" in reason else 60
    with scripted_server(*answers) as server:
        assert send(Post(f"{server.url}/secret", {"a": 1}), quick, seconds) == reason
        wait_until(lambda: len(server.seen) == asked, 60, "not all that was asked has come")
    assert server.seen[0].body == '{"a": 1}'


@pytest.mark.parametrize("url", ["", "hooks.test/secret", "file:///etc/passwd", "http://[", "http://"])
def test_what_is_no_address_is_not_asked(url: str) -> None:
    assert send(Post(url, {}), quick) == "its variable holds no address that begins with http:// or https://"
