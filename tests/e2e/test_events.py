"""Events: a flow waits, an event comes, one run starts; and what happens when that goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed, Target
from tests.support.elsewhere import some_server
from tests.support.oracle import Home
from tests.support.server import Server, wait_until

from metaflow_windmill.contract.event import SUBSCRIPTION, Awaited, Event
from metaflow_windmill.deployment.placed.subscription import apply_subscription, remove_subscription
from metaflow_windmill.events import new_event, publish, publish_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Job

FLOWS = Path(__file__).parent / "flows"
pytestmark = [pytest.mark.metaflow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with some_server(tmp_path_factory.mktemp("events")) as running:
        yield running


@pytest.fixture(scope="module")
def target(server: Server) -> Target:
    return Target(server.url, server.token, server.workspace)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


def deployed(home: Home, target: Target, file: str, name: str) -> Deployed:
    flow = Deployed(home, target, FLOWS / f"{file}.py", name)
    flow.create()
    return flow


@pytest.fixture(scope="module")
def waiting(home: Home, target: Target) -> Deployed:
    return deployed(home, target, "events", "WaitingFlow")


def runs(target: Target, name: str) -> tuple[Job, ...]:
    return target.client.list_jobs(script_path_exact=f"f/flows/{name}", job_kinds="flow")


def test_an_event_starts_one_run_with_its_parameters(waiting: Deployed, target: Target) -> None:
    there = {"host": target.host, "token": target.token, "workspace": target.workspace}
    published = publish_event("new-data", {"name": "sales"}, event_id="e-1", **there)
    (delivery,) = published.deliveries
    assert (delivery.flow, delivery.what) == ("f/flows/WaitingFlow", "started")
    seen = waiting.finish(f"windmill-{delivery.job}")
    assert seen.at("start").artifacts["table"] == "'sales'"
    assert seen.at("start").artifacts["told"] == "['new-data', 'e-1']"
    assert seen.at("end").artifacts["told_later"] == "'e-1'"


def test_the_same_event_again_starts_nothing(waiting: Deployed, target: Target) -> None:
    event = Event("new-data", "e-2", 1_700_000_000, {"name": "x"})
    first, again = publish(target.client, event), publish(target.client, event)
    assert [item.what for item in (*first.deliveries, *again.deliveries)] == ["started", "already started"]
    assert first.deliveries[0].job == again.deliveries[0].job
    waiting.finish(f"windmill-{first.deliveries[0].job}")


def test_nobody_waits_for_another_event(waiting: Deployed, target: Target) -> None:
    assert publish(target.client, new_event("nobody-cares")).deliveries == ()


def test_two_events_start_one_run_together_and_each_is_used_once(home: Home, target: Target) -> None:
    both = deployed(home, target, "events_both", "BothFlow")
    said = [
        publish(target.client, Event(name, key, 0, {"value": key})).deliveries[0]
        for name, key in (("left", "l1"), ("left", "l2"), ("right", "r1"), ("right", "r2"))
    ]
    assert [item.what for item in said] == ["waits for more", "waits for more", "started", "started"]
    for item, left, right in ((said[2], "'l1'", "'r1'"), (said[3], "'l2'", "'r2'")):
        only = both.finish(f"windmill-{item.job}").at("only").artifacts
        assert (only["a"], only["b"], only["names"]) == (left, right, "['left', 'right']")


def test_the_end_of_a_run_starts_the_flow_that_waits_for_it(
    waiting: Deployed, home: Home, target: Target
) -> None:
    after = deployed(home, target, "events_after", "AfterFlow")
    run = waiting.trigger("--table", "orders")
    waiting.finish(run)
    wait_until(lambda: len(runs(target, "AfterFlow")) == 1, 60, "the second flow did not start")
    seen = after.finish(f"windmill-{runs(target, 'AfterFlow')[0].id}")
    assert seen.at("start").artifacts["before"] == f"'WaitingFlow/{run}'"
    assert seen.at("start").artifacts["table"] == "'orders'"


@pytest.fixture(scope="module")
def awaited(home: Home, target: Target) -> Deployed:
    """A flow, and one of a single module that can be made to wait for it: `Later`."""
    nothing = {"modules": [{"id": "a", "value": {"type": "identity"}}]}
    flow = deployed(home, target, "awaited", "AwaitedFlow")
    target.client.create_flow({"path": LATER, "summary": "", "value": nothing, "schema": {}})
    return flow


LATER = "f/flows/Later"
MOMENTS = ("before the run", "while it runs", "while the last step's code runs", "when it is over", "never")


@pytest.mark.parametrize("moment", MOMENTS)
def test_no_end_is_lost_whenever_a_flow_begins_to_wait_for_it(
    awaited: Deployed, target: Target, tmp_path: Path, moment: str
) -> None:
    """The flow was deployed before: it cannot know who will wait for it, and asks when its run ends."""
    before = runs(target, "Later")

    def come(now: str) -> None:
        if now == moment:
            apply_subscription(target.client, LATER, [Awaited("metaflow.AwaitedFlow.end")])

    come(MOMENTS[0])
    run = awaited.trigger("--place", str(tmp_path))
    for step, now in (("start", MOMENTS[1]), ("end", MOMENTS[2])):
        wait_until((tmp_path / f"{step}.runs").exists, 60, f"{step} did not begin")
        come(now)
        (tmp_path / f"{step}.goes").touch()
    assert awaited.finish(run).successful
    come(MOMENTS[3])
    remove_subscription(target.client, LATER)
    in_time = moment in MOMENTS[:3]
    assert len(runs(target, "Later")) - len(before) == in_time
    job = target.client.get_job(run.removeprefix("windmill-"))
    assert [module["type"] for module in job.flow_status["modules"]] == [
        *["Success"] * 2,
        "Success" if in_time else "WaitingForPriorSteps",
    ]
    assert ("published" in job.result, job.result.get("awaited", True)) == (in_time, in_time)


def test_a_publish_that_fails_is_seen_and_the_run_stays_a_success(
    waiting: Deployed, server: Server, target: Target
) -> None:
    broken = {"flow": "f/flows/Gone", "events": [{"name": "metaflow.WaitingFlow.end", "parameters": {}}]}
    server.post("/resources/create", {"path": "f/flows/Gone", "value": broken, "resource_type": SUBSCRIPTION})
    run = waiting.trigger()
    assert waiting.finish(run).successful
    job = waiting.step_job(run, "end_published")
    assert job.state.value == "FAILED"
    assert "f/flows/Gone" in job.result["error"]["message"]
    server.ask("DELETE", "/resources/delete/f/flows/Gone")


def test_a_flow_that_waits_no_more_is_not_started(waiting: Deployed, home: Home, target: Target) -> None:
    text = (FLOWS / "events.py").read_text()
    decorator = '@metaflow.trigger(event={"name": "new-data", "parameters": {"table": "name"}})\n'
    Deployed(home, target, home.write("no_more", text.replace(decorator, "")), "WaitingFlow").create()
    assert publish(target.client, new_event("new-data")).deliveries == ()
    waiting.create()
    assert len(publish(target.client, new_event("new-data", {"name": "x"})).deliveries) == 1


def test_a_mapping_to_no_parameter_is_refused(home: Home, target: Target) -> None:
    text = (FLOWS / "events.py").read_text().replace('"table": "name"', '"tabel": "name"')
    flow = Deployed(home, target, home.write("typo", text), "WaitingFlow")
    done = flow.command("create")
    assert done.returncode == 1
    assert "fills the parameter 'tabel' from the event 'new-data'" in done.stdout + done.stderr


def test_deleting_the_flow_ends_its_subscription(home: Home, target: Target) -> None:
    both = deployed(home, target, "events_both", "BothFlow")
    assert "f/flows/BothFlow" in target.client.resources.paths(SUBSCRIPTION)
    assert both.command("delete", "--yes").returncode == 0
    assert "f/flows/BothFlow" not in target.client.resources.paths(SUBSCRIPTION)
