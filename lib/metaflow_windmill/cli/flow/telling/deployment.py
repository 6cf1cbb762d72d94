"""What a person is told while a flow is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.telling.packing import advice
from metaflow_windmill.cli.flow.telling.showing import in_python
from metaflow_windmill.client.pages import flow_page
from metaflow_windmill.deployment.assembled.assemble import schedule_remark
from metaflow_windmill.deployment.assembled.service_check import remark_on_headers
from metaflow_windmill.deployment.placed.schedule import Change
from metaflow_windmill.terminal.speech import say

if TYPE_CHECKING:
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.deployment.assembled.options import DeployOptions
    from metaflow_windmill.deployment.placed.upsert import DeploymentResult
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.types import Json


def tell_beginning(obj: CliState, site: Site, remark: str) -> None:
    """Say where a flow goes, and what is to be said of the server."""
    say(obj, f"Deploying {obj.flow.name} to Windmill at {site.host}...", bold=True)
    if remark:
        say(obj, f"Note: {remark}.")


def tell_end(
    obj: CliState, site: Site, deployed: DeploymentResult, wanted: DeployOptions, document: Json
) -> None:
    """Say what was deployed, how to read its runs, what starts it, and what may be better."""
    _tell_flow(obj, site, deployed)
    remark_on_headers(obj, wanted.secrets)
    _tell_schedule(obj, deployed)
    if not (deployed.created or wanted.pack) and (
        told := advice(site.windmill, deployed.path, document["value"])
    ):
        say(obj, f"Note: {told}.")


def _tell_flow(obj: CliState, site: Site, deployed: DeploymentResult) -> None:
    record = deployed.record
    if deployed.folder_made:
        say(obj, f"Made the folder {'/'.join(deployed.path.split('/')[:2])}, which was not there.")
    done = "is deployed" if deployed.created else "is deployed again"
    say(obj, f"{record.flow} {done} as {deployed.path}. Its page:", bold=True)
    say(obj, flow_page(site.host, site.workspace, deployed.path), indent=True)
    say(obj, "In Python its runs are read after this line, or after namespace(None), for the runs of all:")
    say(obj, in_python(record.token), fg="green", indent=True)
    if record.datastore.type == "local":
        say(
            obj,
            f"Its data is kept in {record.datastore.root}: every worker must see this directory "
            "under this very path. Choose another datastore if it does not.",
        )


def _tell_schedule(obj: CliState, deployed: DeploymentResult) -> None:
    schedule = deployed.record.schedule
    if schedule is not None:
        state = " The schedule is suspended; `windmill unsuspend` turns it on." if deployed.suspended else ""
        say(obj, f"It runs by itself at {schedule.cron!r}, {schedule.timezone}.{state}")
        if remark := schedule_remark(obj.flow):
            say(obj, f"Note: {remark}.")
    elif deployed.schedule is Change.REMOVED:
        say(obj, "Its schedule was removed; it runs when it is triggered.")
    elif not deployed.record.events:
        say(obj, f"It runs when it is triggered. Do that with `{_trigger_of(deployed.record)}`.")
    _tell_events(obj, deployed)


def _trigger_of(record: Record) -> str:
    """Return the command that starts a run, with what it cannot do without."""
    needed = [info.name for info in record.parameters if info.required and info.default is None]
    return " ".join(["windmill trigger", *(f"--{name} ..." for name in needed)])


def _tell_events(obj: CliState, deployed: DeploymentResult) -> None:
    names = [event.name for event in deployed.record.events]
    if names:
        all_of = "all of these events have come" if len(names) > 1 else "this event comes"
        say(obj, f"It runs by itself when {all_of}: {', '.join(names)}.")
    elif deployed.subscription is Change.REMOVED:
        say(obj, "No event starts it any more.")
