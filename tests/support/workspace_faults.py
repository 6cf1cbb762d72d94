"""Faults that keep a flow from running, each with the way to make it and with what mends it."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.elsewhere import elsewhere
from tests.support.server import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.server import Server
    from tests.support.workspace import Workspace

FOLDER = "f/faults"
OURS = f"{FOLDER}/FaultsFlow"
CREATE = "`python flow.py windmill create`"
UNSUSPEND = "`python flow.py windmill unsuspend`"
DAILY = {"schedule": "0 0 3 * * *", "timezone": "Etc/UTC", "cron_version": "v2", "args": {}}
SLEEPS = "import time\ndef main():\n    time.sleep(600)\n"
UNABLE = "# requirements:\n# nowhere@file:///nowhere/nowhere-1-py3-none-any.whl\n\n"
SCHEDULE = "from metaflow import schedule\n@schedule(cron='0 3 * * ? *')"


@dataclass(frozen=True)
class Seeding:
    """A healthy workspace with one deployed flow, of which faults are made."""

    place: Workspace
    document: Any
    folder: Path

    @property
    def server(self) -> Server:
        """Where it is."""
        return self.place.server

    def copy(self, name: str, change: Callable[[Any], None], **more: Any) -> str:
        """Deploy the flow under another name, with its value changed first; return its path."""
        value = copy.deepcopy(self.document["value"])
        change(value)
        path = f"{FOLDER}/{name}"
        kept = {key: self.document[key] for key in ("summary", "description", "schema", "labels")}
        self.server.post("/flows/create", {**kept, "path": path, "value": value, **more})
        return path

    def scheduled(self, name: str, schedule: bool = True, **more: Any) -> str:
        """Deploy the flow under another name with a daily schedule."""
        path = self.copy(name, nothing if schedule else unscheduled)
        made = {**DAILY, "path": path, "script_path": path, "is_flow": True, "enabled": True, **more}
        self.server.post("/schedules/create", made)
        return path


def nothing(_value: Any) -> None:
    """Leave a flow as it is."""


def unscheduled(value: Any) -> None:
    value["flow_env"]["metaflow"]["schedule"] = None


def made_for_another_python(value: Any) -> None:
    unscheduled(value)
    first(value)["lock"] = "# py: 3.7\n" + first(value)["lock"].partition("\n")[2]


def first(value: Any) -> Any:
    return value["modules"][0]["value"]


@dataclass(frozen=True)
class Fault:
    """What is wrong, how it comes about, and what doctor has to say of it."""

    name: str
    seed: Callable[[Seeding], object]
    said: str
    mended: str
    state: str = "bad"


def waits_for_nobody(seeding: Seeding) -> None:
    job = {"content": "def main():\n    pass\n", "language": "python3", "args": {}, "lock": "", "tag": "tpu"}
    seeding.server.post("/jobs/run/preview", job)


def all_are_busy(seeding: Seeding) -> None:
    if elsewhere():
        return  # somebody else may have a use for these workers
    job = {"content": SLEEPS, "language": "python3", "args": {}, "lock": ""}
    for _ in range(len(seeding.server.get("/api/workers/list")) + 1):
        seeding.server.post("/jobs/run/preview", job)


def held_by_a_limit(seeding: Seeding) -> None:
    """An Enterprise server puts a job that has to wait back with a later time; others know no limits."""

    def change(value: Any) -> None:
        unscheduled(value)
        value["concurrent_limit"] = 1

    path = seeding.copy("Limited", change)
    seeding.server.post(f"/jobs/run/f/{path}?scheduled_in_secs=3600", {})


def no_workers_for_a_step(seeding: Seeding) -> None:
    def change(value: Any) -> None:
        unscheduled(value)
        first(value)["tag"] = "gpu-a100"

    seeding.copy("Tagged", change)


def packages_that_are_not_there(seeding: Seeding) -> None:
    def change(value: Any) -> None:
        unscheduled(value)
        first(value).pop("lock", None)
        first(value)["content"] = UNABLE + first(value)["content"]

    path = seeding.copy("Unlocked", change)
    status = f"/flows/deployment_status/p/{path}"
    wait_until(lambda: seeding.server.get(status)["lock_error_logs"], 120, "no lock failed")


def refers_to(name: str, reference: str) -> Callable[[Seeding], None]:
    def seed(seeding: Seeding) -> None:
        def change(value: Any) -> None:
            unscheduled(value)
            transforms = first(value)["input_transforms"]
            transforms["secrets"] = {"type": "static", "value": {"TOKEN": reference}}

        seeding.copy(name, change)

    return seed


def recorded(name: str, change: Callable[[Any], None]) -> Callable[[Seeding], None]:
    """Return what deploys the flow with another record."""

    def seed(seeding: Seeding) -> None:
        def changed(value: Any) -> None:
            unscheduled(value)
            change(value["flow_env"]["metaflow"])

        seeding.copy(name, changed)

    return seed


def gone_package(record: Any) -> None:
    record["package"]["url"] += "-gone"


def another_machine(record: Any) -> None:
    record["datastore"]["root"] = "/another/machine/.metaflow"


def later_version(record: Any) -> None:
    record["format"] = 99


def archived(seeding: Seeding) -> None:
    path = seeding.copy("Archived", unscheduled)
    seeding.server.post(f"/flows/archive/{path}", {"archived": True})


def off(seeding: Seeding) -> None:
    path = seeding.scheduled("Off")
    seeding.server.post(f"/schedules/setenabled/{path}", {"enabled": False})


def edited(seeding: Seeding) -> None:
    path = seeding.scheduled("Edited")
    seeding.server.post(f"/schedules/update/{path}", {**DAILY, "schedule": "0 30 4 * * *"})


def lacks_a_parameter(seeding: Seeding) -> None:
    def change(value: Any) -> None:
        required = {"name": "day", "python_name": "day", "type": "str", "required": True}
        value["flow_env"]["metaflow"]["parameters"] = [required]

    path = seeding.copy("Lacking", change)
    seeding.server.post("/schedules/create", {**DAILY, "path": path, "script_path": path, "is_flow": True})


def orphan(seeding: Seeding) -> None:
    path = seeding.copy("Orphan", nothing)
    made = {**DAILY, "path": f"{FOLDER}/orphaned", "script_path": path, "is_flow": True, "enabled": True}
    seeding.server.post("/schedules/create", made)
    seeding.server.ask("DELETE", f"/flows/delete/{path}")


def fails_by_its_schedule(seeding: Seeding) -> None:
    """The code of its package is gone, so that the run fails; another fault names that."""

    def change(value: Any) -> None:
        value["flow_env"]["metaflow"]["package"]["url"] += "-gone"
        value["flow_env"]["metaflow"]["package"]["sha"] = "0" * 40

    path = seeding.copy("Failing", change)
    often = {**DAILY, "schedule": "*/2 * * * * *"}
    seeding.server.post("/schedules/create", {**often, "path": path, "script_path": path, "is_flow": True})
    ended = f"/jobs/completed/list?script_path_exact={path}&schedule_path={path}"
    wait_until(lambda: seeding.server.get(ended), 120, "the schedule did not fire")
    seeding.server.post(f"/schedules/update/{path}", DAILY)


def ends_soon(seeding: Seeding) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    made = {"label": "hook", "expiration": soon, "scopes": [f"jobs:run:flows:{OURS}"]}
    seeding.server.post("/api/users/tokens/create", made)


def synced(seeding: Seeding) -> None:
    repository = {
        "git_repo_resource_path": "$res:f/faults/repository",
        "settings": {"include_path": ["f/**"], "include_type": ["flow", "script"]},
        "script_path": "f/faults/sync",
    }
    settings = {"git_sync_settings": {"repositories": [repository]}}
    seeding.server.post("/workspaces/edit_git_sync_config", settings)


def pushed(seeding: Seeding) -> None:
    (seeding.folder / "wmill.yaml").write_text("includes: ['f/**']\nexcludes: []\n", encoding="utf-8")


FAULTS = (
    Fault("a tag of a job", waits_for_nobody, "1 job waits for the tag 'tpu'", "WORKER_TAGS=tpu"),
    Fault("busy", all_are_busy, "for the tag 'python3', since ", "dev --workers N`", "warn"),
    Fault(
        "a limit",
        held_by_a_limit,
        f"{FOLDER}/Limited has a limit of 1 at a time (concurrent_limit), and 1 job of it waits.",
        CREATE,
        "warn",
    ),
    Fault("a tag of a step", no_workers_for_a_step, f"{FOLDER}/Tagged has a step for workers with", CREATE),
    Fault("a lock", packages_that_are_not_there, f"{FOLDER}/Unlocked: the packages of a step", CREATE),
    Fault(
        "a variable",
        refers_to("Secretive", f"$var:{FOLDER}/nowhere"),
        f"{FOLDER}/Secretive needs the variable {FOLDER}/nowhere",
        f"`wmill variable add VALUE {FOLDER}/nowhere`",
    ),
    Fault(
        "a resource",
        refers_to("Resourceful", f"$res:{FOLDER}/nothing"),
        f"{FOLDER}/Resourceful needs the resource {FOLDER}/nothing",
        f"`wmill resource push FILE {FOLDER}/nothing`",
    ),
    Fault("a package", recorded("Gone", gone_package), f"{FOLDER}/Gone: its code package is gone", CREATE),
    Fault(
        "a datastore",
        recorded("Elsewhere", another_machine),
        f"{FOLDER}/Elsewhere keeps its data at /another/machine/.metaflow",
        "`metaflow-windmill doctor --workers`",
        "warn",
    ),
    Fault("a record", recorded("Later", later_version), f"{FOLDER}/Later: ", CREATE),
    Fault("an archive", archived, f"{FOLDER}/Archived is archived", CREATE, "warn"),
    Fault("off", off, f"The schedule of {FOLDER}/Off is off.", UNSUSPEND, "warn"),
    Fault(
        "paused",
        lambda seeding: seeding.scheduled("Paused", paused_until="2099-01-01T00:00:00Z"),
        f"The schedule of {FOLDER}/Paused is paused until 2099-01-01 00:00 UTC.",
        UNSUSPEND,
        "warn",
    ),
    Fault(
        "no schedule",
        lambda seeding: seeding.copy("Unscheduled", nothing),
        f"{FOLDER}/Unscheduled was deployed to run at '0 0 3 * * ?', and its schedule is gone.",
        CREATE,
    ),
    Fault(
        "another time",
        edited,
        f"The schedule of {FOLDER}/Edited is '0 30 4 * * *' (Etc/UTC); '0 0 3 * * ?' (Etc/UTC) was deployed.",
        CREATE,
        "warn",
    ),
    Fault("a parameter", lacks_a_parameter, f"{FOLDER}/Lacking gives no value for day", CREATE),
    Fault(
        "an orphan",
        orphan,
        f"The schedule {FOLDER}/orphaned starts the flow {FOLDER}/Orphan, which is not there.",
        f"`wmill schedule disable {FOLDER}/orphaned`",
    ),
    Fault(
        "failing",
        fails_by_its_schedule,
        f"The last run of {FOLDER}/Failing by its schedule failed: ",
        "`python flow.py windmill logs windmill-",
        "warn",
    ),
    Fault("a token", ends_soon, f"(hook) that starts {OURS} ends on", "`wmill token create`", "warn"),
    Fault(
        "git sync",
        synced,
        f"The workspace's git sync with f/faults/repository covers {FOLDER}/",
        "`wmill gitsync-settings push`",
        "warn",
    ),
    Fault("a push", pushed, "`wmill sync push` from ", "`python flow.py windmill export`", "warn"),
)
