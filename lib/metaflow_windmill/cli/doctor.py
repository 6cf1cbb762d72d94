"""``metaflow-windmill doctor``: what is not well with an installation, and what to do about it."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from metaflow_windmill.client.http import HttpTransport, base_address, checked_token, is_local
from metaflow_windmill.client.retrying import Retrying
from metaflow_windmill.client.site import DEFAULT_HOST, DEFAULT_WORKSPACE, NOBODY, find_address
from metaflow_windmill.deployment.described.names import DEFAULT_FOLDER
from metaflow_windmill.errors import DeployError, Unauthorized, Unreachable
from metaflow_windmill.workspace.doctor.findings import Finding, as_text, healthy
from metaflow_windmill.workspace.doctor.machine import PACKAGE, machine_findings, versions
from metaflow_windmill.workspace.doctor.run_findings import run_findings
from metaflow_windmill.workspace.doctor.server_findings import (
    InspectedSite,
    host_findings,
    sentence,
    site_findings,
)
from metaflow_windmill.workspace.doctor.store import (
    access_finding,
    configured_here,
    give_up_early,
    place_finding,
    planted,
)
from metaflow_windmill.workspace.doctor.workers import ask_workers

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from metaflow_windmill.client.site import Address
    from metaflow_windmill.contract.record import StoreInfo
    from metaflow_windmill.types import Json

READ_SECONDS = 20.0


EXAMPLES = (
    "metaflow-windmill doctor",
    "metaflow-windmill doctor --workers --json",
    "metaflow-windmill doctor --flow f/flows/ModelsFlow",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", help=f"address of the server [WINDMILL_HOST, default {DEFAULT_HOST}]")
    parser.add_argument("--workspace", help=f"[WINDMILL_WORKSPACE, default {DEFAULT_WORKSPACE}]")
    parser.add_argument(
        "--folder", help=f"where flows are deployed [METAFLOW_WINDMILL_FOLDER, default {DEFAULT_FOLDER}]"
    )
    parser.add_argument(
        "--flow",
        default="",
        metavar="PATH",
        help="why this flow does not run, such as f/flows/ModelsFlow (default: none)",
    )
    parser.add_argument("--workers", action="store_true", help="ask every worker too, by jobs (default: off)")
    parser.add_argument(
        "--timeout",
        type=float,
        default=180.0,
        metavar="SECONDS",
        help="how long to wait for the workers (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON (default: as text)")


def run(said: argparse.Namespace) -> int:
    """Look at everything, print it, and return 1 if something is bad."""
    give_up_early()
    findings = tuple(_look(said))
    if said.json:
        data = {"healthy": healthy(findings), "findings": [finding.to_json() for finding in findings]}
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        print(as_text(findings))
    return 0 if healthy(findings) else 1


def _look(said: argparse.Namespace) -> Iterator[Finding]:
    """Yield all findings; what needs something that is bad is left out."""
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions, folder_of

    installed = versions()
    yield from machine_findings(installed)
    place = find_address(said.host, None, said.workspace)
    site: InspectedSite | None = None
    for found in _server(place, folder_of(TargetOptions(folder=said.folder))):
        if isinstance(found, Finding):
            yield found
        else:
            site = found
    store, finding = _store(place.host)
    yield finding
    if store is not None:
        yield access_finding(store)
    if site is not None:
        yield from run_findings(site, said.flow, store=store)
    if said.workers and site is not None:
        yield from _workers(site, store, installed[PACKAGE] or "", said.timeout)
    elif said.workers:
        yield Finding("workers", "bad", "They were not asked.", "See to the lines above first.")


def _server(place: Address, folder: str) -> Iterator[Finding | InspectedSite]:
    """Yield what is to be said of the server, and at the end the site if it lets us in."""
    try:
        host = base_address(place.host)
    except Unreachable as why:
        yield Finding("host", "bad", sentence(why), "Set WINDMILL_HOST or give --host.")
        return
    with closing(_transport(host, NOBODY)) as nobody:
        findings = host_findings(nobody, host)
    yield from findings
    if findings[0].state == "bad":
        return
    try:
        token = checked_token(place.token)
    except Unauthorized as why:
        yield Finding("token", "bad", sentence(why), "Make one in Windmill's account settings.")
        return
    site = InspectedSite(Retrying(_transport(host, token)), host, place.workspace, folder)
    seen = list(site_findings(site, token))
    yield from seen
    if not any(finding.subject in {"token", "workspace"} and finding.state == "bad" for finding in seen):
        yield site


def _transport(host: str, token: str) -> HttpTransport:
    return HttpTransport(host, token, read_seconds=READ_SECONDS)


def _store(host: str) -> tuple[StoreInfo | None, Finding]:
    try:
        store = configured_here()
    except DeployError as why:
        return None, Finding(
            "datastore", "bad", str(why), "Flows deployed from here could not keep their data."
        )
    return store, place_finding(store, same_machine=is_local(host))


def _workers(
    site: InspectedSite, store: StoreInfo | None, version: str, seconds: float
) -> tuple[Finding, ...]:
    """Ask the workers, with a probe of ours in the datastore for them to see."""
    arguments: dict[str, Json] = {"version": version, "folder": site.folder}
    with ExitStack() as stack:
        if store is not None:
            arguments |= {"datastore": store.type, "datastore_root": store.root}
            try:
                probe = stack.enter_context(planted(store))
            except DeployError:  # the finding on access has said so
                return ask_workers(site, arguments, seconds, _tell)
            arguments["probe"] = {"name": probe.name, "text": probe.text}
        return ask_workers(site, arguments, seconds, _tell)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
