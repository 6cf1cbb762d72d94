"""A server that behaves as a later Windmill: tokens that open nothing, waits that end, draining workers."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.deployed import Deployed, Target
from tests.support.elsewhere import embedded_server
from tests.support.oracle import Home
from tests.support.server import wait_until
from tests.support.step_token import held_token, opened_routes
from tests.support.worker_processes import worker_processes

from metaflow_windmill.deployment.placed.newer import OF_THE_END, OF_THE_RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import RunningServer

pytestmark = pytest.mark.metaflow

LATER = "1.850"
MANY = 50
FLOW = f"""
import os, time
from pathlib import Path
from metaflow import FlowSpec, Parameter, card, current, retry, step
from metaflow_windmill import draining

class RollingFlow(FlowSpec):
    traces = Parameter("traces", default="")

    @card
    @step
    def start(self):
        self.items = list(range({MANY}))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        with open(self.traces, "a") as file:
            file.write(f"{{self.input}} {{current.retry_count}}\\n")
        time.sleep(0.2)
        with open(self.traces, "a") as file:
            file.write(f"{{self.input}} done\\n")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.merge_artifacts(inputs, include=["traces"])
        self.next(self.late)

    @retry(times=1, minutes_between_retries=9)
    @step
    def late(self):
        if current.retry_count == 0:
            raise ValueError("not yet")
        Path(self.traces + ".waits").touch()
        begun = time.time()
        while not draining() and time.time() < begun + 90:
            time.sleep(0.2)
        self.told = draining()
        self.next(self.end)

    @step
    def end(self):
        print("told", self.told)

if __name__ == "__main__":
    RollingFlow()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    directory = tmp_path_factory.mktemp("later")
    arguments = ("--shared-environment", "--windmill", LATER)
    with embedded_server(directory, "it is to behave as another one", 3, arguments=arguments) as made:
        made.post("/folders/create", {"name": "flows"})
        yield made  # type: ignore[misc]  # the embedded one is a running one


@pytest.fixture(scope="module")
def rolling(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    home = Home(tmp_path_factory.mktemp("rolling"))
    flow = home.write("rolling", FLOW)
    made = Deployed(home, Target(server.url, server.token), flow, "RollingFlow")
    made.create()
    return made


@pytest.mark.timeout(400)
def test_a_rolling_restart_loses_nothing_and_doubles_nothing(
    server: RunningServer, rolling: Deployed
) -> None:
    traces = rolling.home.root / "traces"
    run = rolling.trigger(f"--traces={traces}")
    for number in (5, 20, 35):
        wait_until(lambda: done(traces) >= number, 120, f"{number} tasks did not end")  # noqa: B023
        restart_all(server)
    wait_until(lambda: done(traces) == MANY, 120, "not all tasks ended")
    begun = [line for line in traces.read_text().splitlines() if not line.endswith("done")]
    assert sorted(begun) == sorted(f"{item} 0" for item in range(MANY))

    job_id = run.removeprefix("windmill-")
    wait_until(lambda: waits(server, job_id), 60, "no task waits for its next attempt")
    said = rolling.command("retry-now", run)
    assert said.returncode == 0, said.stderr
    assert "late waits for its next attempt until" in said.stdout + said.stderr
    assert "late begins now." in said.stdout + said.stderr
    wait_until(rolling.home.root.joinpath("traces.waits").exists, 60, "the attempt did not begin")
    restart_all(server)
    seen = rolling.finish(run)
    assert seen.successful
    assert "told True" in rolling.target.client.job_logs(rolling.step_job(run, "end").id)


def done(traces: Any) -> int:
    return traces.read_text().count("done") if traces.exists() else 0


def waits(server: RunningServer, parent: str) -> bool:
    """Tell whether the next attempt has its time: the first is in the queue too, until a worker takes it."""
    rows = server.get(f"/jobs/queue/list?parent_job={parent}&running=false")
    return any(row["script_path"].endswith("/late") and is_later(row["scheduled_for"]) for row in rows)


def is_later(instant: str) -> bool:
    return datetime.fromisoformat(instant.replace("Z", "+00:00")) > datetime.now(timezone.utc)


def restart_all(server: RunningServer) -> None:
    """Tell every worker to end, as a rolling restart does; others come once these have ended."""
    before = worker_processes(server.data)
    for process in before:
        with suppress(ProcessLookupError):  # one that was told before may end only now
            os.kill(process, signal.SIGTERM)
        time.sleep(0.05)


def test_a_deployment_gives_each_step_what_it_needs(server: RunningServer, rolling: Deployed) -> None:
    value = server.get("/flows/get/f/flows/RollingFlow")["value"]
    found = {module["id"]: module.get("job_token_scopes") for module in leaves(value["modules"])}
    plain: dict[str, list[str]] = {name: [] for name in ("work", "join", "late")}
    whole = {"end_published": None}  # the flows that it starts would inherit a smaller one
    assert found == {"start": [OF_THE_RUN], "end": list(OF_THE_END), **plain, **whole}


def leaves(modules: list[Any]) -> Iterator[Any]:
    for module in modules:
        inner = module["value"].get("modules")
        if inner is None:
            yield module
        else:
            yield from leaves(inner)


@pytest.mark.parametrize(
    ("scopes", "opened"),
    [
        ([], set()),
        ([OF_THE_RUN], {"jobs"}),
        (list(OF_THE_END), {"jobs", "scripts", "resources"}),
    ],
    ids=["a step", "the start step", "the end step"],
)
def test_a_steps_token_opens_what_the_step_needs_and_no_other_route(
    server: RunningServer, tmp_path: Any, scopes: list[str], opened: set[str]
) -> None:
    with held_token(server, scopes, tmp_path) as token:
        found = opened_routes(server, token)
    domains = {route.split()[1].split("/")[0].removesuffix("_u") for route in found}
    assert domains == opened, json.dumps(sorted(found), indent=1)
    assert all(route.startswith("GET ") for route in found)
