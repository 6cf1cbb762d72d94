"""From a repository to deployed flows: one commit, each flow compiled apart, each that changed deployed."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.client.pages import flow_page
from metaflow_windmill.client.server_version import version_of
from metaflow_windmill.contract.record import GitInfo
from metaflow_windmill.deployment.described.notification_options import secrets_of
from metaflow_windmill.deployment.described.secret_references import check_secrets, read_secrets
from metaflow_windmill.deployment.placed.newer import release_of
from metaflow_windmill.deployment.placed.ownership import TokenWish, record_in, with_record
from metaflow_windmill.deployment.placed.prepared import is_prepared
from metaflow_windmill.deployment.placed.subscription import is_subscribed
from metaflow_windmill.deployment.placed.survey import survey
from metaflow_windmill.deployment.placed.upsert import carry_out
from metaflow_windmill.errors import InvalidDocument, MetaflowWindmillError, Unauthorized, Unreachable
from metaflow_windmill.gitsource import connect
from metaflow_windmill.process.confined import weakness
from metaflow_windmill.workspace.compiling.compilation import compile_flow_file
from metaflow_windmill.workspace.compiling.configuration import DEFAULT_PATTERNS
from metaflow_windmill.workspace.compiling.decisions import Decided, decide, with_saved_package
from metaflow_windmill.workspace.compiling.discovery import find_flows, matching
from metaflow_windmill.workspace.compiling.document_changes import changes, is_deployed
from metaflow_windmill.workspace.compiling.environments import environment_for
from metaflow_windmill.workspace.compiling.fingerprint import content_digest, files_of_others
from metaflow_windmill.workspace.compiling.flow_reports import FlowReport, Report
from metaflow_windmill.workspace.compiling.imported import check_imports, imported_requirements, told
from metaflow_windmill.workspace.compiling.notifying import notifications_of
from metaflow_windmill.workspace.compiling.pruning import gone_flows, remove, same_repository
from metaflow_windmill.workspace.compiling.repository_requirements import requirements_of
from metaflow_windmill.workspace.compiling.stores import Stores, carry_over, read_package, stores_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.client.models import Flow, User
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.gitsource import Checkout, Head
    from metaflow_windmill.workspace.compiling.compilation import Compiled
    from metaflow_windmill.workspace.compiling.configuration import Configuration
    from metaflow_windmill.workspace.compiling.discovery import FlowFile
    from metaflow_windmill.workspace.compiling.flow_reports import FlowOutcome
    from metaflow_windmill.workspace.compiling.repository_requirements import Requirements
    from metaflow_windmill.workspace.script_job import ScriptJob

MOST_ROUNDS = 5
"""How often a branch may move on while it is being deployed before the last run is left to the next job."""

FOR_A_WORKER = 15.0
"""Most seconds that a dependency job may wait for a worker while this job has one: see `wait_until_ready`."""

UNPREPARED = (
    "No worker was free to prepare this version. It can be run as soon as one has; until then a run gets the "
    "version before, or fails if there is none."
)


@dataclass(frozen=True)
class DeployRequest:
    """What a caller asks of one run.

    Parameters
    ----------
    ref : str
        A branch, tag or commit; empty for the configuration's branch.
    dry_run : bool
        Whether to change nothing and show what would change.
    only_if_changed : bool
        Whether to leave a flow alone that is deployed as it is.
    """

    ref: str = ""
    dry_run: bool = False
    only_if_changed: bool = True


@dataclass(frozen=True)
class Round:
    """What all flows of one run have in common."""

    job: ScriptJob
    configuration: Configuration
    asked: DeployRequest
    checkout: Checkout
    repository: str
    stores: Stores
    user: User
    scratch: Path
    flow_files: tuple[str, ...] = ()
    release: tuple[int, ...] = ()

    def git(self, path: str, content: str = "") -> GitInfo:
        """Return where a file of the checkout comes from."""
        head = self.checkout.head
        return GitInfo(self.repository, head.commit, path, head.ref, content)

    @property
    def owner(self) -> str:
        """Return the Metaflow user of the deployments."""
        return self.configuration.owner or self.job.username


def look_up(job: ScriptJob, configuration: Configuration, ref: str = "") -> Head:
    """Return where the branch stands now, by one request to the git host.

    Raises
    ------
    GitSourceError
    """
    source = configuration.source(allow_file=job.allow_file)
    with connect(source.repository, source.credentials, source.limits) as remote:
        return remote.look_up(ref or configuration.branch)


def deploy_newest(job: ScriptJob, configuration: Configuration, asked: DeployRequest) -> Report:
    """Deploy a branch, and again if it moved on meanwhile: the last one of several runs sees the newest.

    Raises
    ------
    MetaflowWindmillError
        If nothing could be tried. What goes wrong with one flow is in the report.
    """
    report = deploy_once(job, configuration, asked)
    for _ in range(MOST_ROUNDS - 1):
        if asked.dry_run or not report.ref or report.failures:
            break
        newest = look_up(job, configuration, asked.ref)
        if newest.commit == report.commit:
            break
        job.say(f"{newest.name} moved on to {newest.commit[:12]} meanwhile: once more.")
        report = deploy_once(job, configuration, asked)
    return report


def deploy_once(job: ScriptJob, configuration: Configuration, asked: DeployRequest) -> Report:
    """Deploy one commit; see `deploy_newest`."""
    source = configuration.source(allow_file=job.allow_file)
    with tempfile.TemporaryDirectory(prefix="compile-") as name:
        scratch = Path(name).resolve()
        with connect(source.repository, source.credentials, source.limits) as remote:
            head = remote.look_up(asked.ref or configuration.branch)
            job.say(f"Reading {source.repository.url} at {head.name}, commit {head.commit}.")
            checkout = remote.check_out(head, scratch / "checkout")
        found = find_flows(checkout.root, checkout.files, configuration.flows, configuration.subfolder)
        job.say(f"Found {len(found)} flow files among {len(checkout.files)} files.")
        if weakness():
            job.say(f"They are compiled among this worker's processes ({weakness()}); see docs/security.md.")
        shared = Round(
            job=job,
            configuration=configuration,
            asked=asked,
            checkout=checkout,
            repository=source.repository.url,
            stores=stores_for(configuration),
            user=job.windmill.whoami(),
            scratch=scratch,
            flow_files=tuple(flow.path for flow in found),
            release=release_of(job.windmill, version_of(job.windmill), os.environ.get("WM_JOB_ID", "")),
        )
        check_secrets(
            job.windmill,
            (*read_secrets(configuration.secrets), *secrets_of(notifications_of(configuration))),
        )
        flows = (*_unmatched(shared, found), *_all_flows(shared, found), *_pruned(shared))
        report = Report(shared.repository, head.ref, head.commit, flows, asked.dry_run, _notes(shared, found))
        job.say(report.summary())
        return report


def _notes(shared: Round, found: Sequence[FlowFile]) -> tuple[str, ...]:
    if found:
        return ()
    patterns = ", ".join(shared.configuration.flows)
    return (f"No flow matches {patterns}{_where(shared)}. A flow file ends by running its flow: MyFlow().",)


def _where(shared: Round) -> str:
    return f" below {shared.configuration.subfolder}" if shared.configuration.subfolder else ""


def _unmatched(shared: Round, found: Sequence[FlowFile]) -> list[FlowReport]:
    """Report what somebody wrote into 'flows' and that names no flow: most often it is misspelt."""
    paths, subfolder = [flow.path for flow in found], shared.configuration.subfolder
    return [
        FlowReport(
            pattern,
            "'flows'",
            "failed",
            reason=f"No flow matches this pattern{_where(shared)}. Check 'flows'; a flow file ends by "
            "running its flow: MyFlow().",
        )
        for pattern in shared.configuration.flows
        if shared.configuration.flows != DEFAULT_PATTERNS and not matching(paths, [pattern], subfolder)
    ]


def _all_flows(shared: Round, found: Sequence[FlowFile]) -> list[FlowReport]:
    """Take one flow after the other; stop trying once Windmill itself does not let us go on."""
    reports: list[FlowReport] = []
    taken: dict[str, str] = {}
    stopped = ""
    for index, flow in enumerate(found):
        name = flow.flows[0] if flow.flows else flow.path
        if stopped:
            reports.append(FlowReport(name, flow.path, "not tried", reason=stopped))
            continue
        begun = time.monotonic()
        try:
            report = _one_flow(shared, flow, shared.scratch / f"flow{index}", taken)
        except (Unauthorized, Unreachable) as why:
            stopped = "An earlier flow showed that Windmill does not let this job go on. Run it again."
            report = FlowReport(name, flow.path, "failed", reason=str(why))
        except MetaflowWindmillError as why:
            report = FlowReport(name, flow.path, "failed", reason=str(why))
        reports.append(replace(report, seconds=time.monotonic() - begun))
        shared.job.say(_line(reports[-1]))
    return reports


def _line(report: FlowReport) -> str:
    reason = f": {report.reason}" if report.reason else ""
    place = f" as {report.path}" if report.path else ""
    line = f"{report.flow} ({report.file}): {report.outcome}{place}, {report.seconds:.1f} s{reason}"
    return "\n".join([line, *report.remarks])


def _one_flow(shared: Round, flow: FlowFile, folder: Path, taken: dict[str, str]) -> FlowReport:
    """Compile one flow and deploy it if it changed."""
    requirements = _requirements(shared, flow)
    environment = environment_for(requirements)
    check_imports(requirements, environment)
    compiled = compile_flow_file(
        shared.checkout.root,
        flow,
        shared.configuration,
        environment,
        owner=shared.owner,
        git=replace(shared.git(flow.path), ref=shared.checkout.head.name),
        folder=folder,
    )
    package = read_package(compiled.saved, compiled.vetted.record)
    others = files_of_others(shared.checkout.root, flow.path, shared.flow_files, shared.checkout.files)
    git = shared.git(flow.path, content_digest(package, others))
    decided = decide(
        compiled,
        flow,
        shared.configuration,
        shared.stores,
        owner=shared.owner,
        git=git,
        pins=environment.pins,
        release=shared.release,
    )
    if decided.path in taken:
        raise InvalidDocument(f"{taken[decided.path]} has a flow of the same name, which is deployed already")
    taken[decided.path] = flow.path
    settled = _settle(shared, decided, compiled, package)
    remarks = (*told(requirements, environment), *compiled.notes, *settled.remarks)
    return replace(settled, remarks=remarks)


def _requirements(shared: Round, flow: FlowFile) -> Requirements:
    """Return what the repository says that a flow needs, or else what the flow imports."""
    root = shared.checkout.root
    said = requirements_of(root, flow.path)
    if said.source or flow.packages:
        return said
    return imported_requirements(root, flow.path, shared.checkout.files)


def _settle(shared: Round, decided: Decided, compiled: Compiled, package: bytes) -> FlowReport:
    """Bring what is deployed to what was decided."""
    existing = shared.job.windmill.find_flow(decided.path)
    previous = _previous(shared, existing)
    decided = _as_owned_before(shared, decided, previous)
    if shared.asked.only_if_changed and existing is not None and _is_there(shared, existing, decided):
        return _report(shared, decided, "unchanged", previous)
    plan = survey(
        shared.job.windmill,
        decided.path,
        decided.identity,
        owner=decided.record.owner,
        user=shared.user,
        wish=TokenWish(authorize=previous.token if previous else None),
    )
    if shared.asked.dry_run:
        planned = _report(shared, decided, "would update" if existing else "would create")
        return replace(planned, diff=changes(existing, decided.document))
    saved = carry_over(compiled.saved, decided.record, shared.stores, package)
    deployed = carry_out(plan, with_saved_package(decided, saved), for_a_worker=FOR_A_WORKER)
    report = _report(shared, decided, "created" if deployed.created else "updated")
    return report if deployed.prepared else replace(report, remarks=(UNPREPARED,))


def _is_there(shared: Round, existing: Flow, decided: Decided) -> bool:
    """Return whether a flow is deployed with all that belongs to it: a run may have stopped between."""
    if not is_deployed(existing, decided.document) or not is_prepared(shared.job.windmill, decided.path):
        return False
    wanted, found = decided.record.schedule, shared.job.windmill.schedules.find(decided.path)
    times = None if wanted is None else (wanted.cron, wanted.timezone)
    if times != (None if found is None else (found.cron, found.timezone)):
        return False
    return is_subscribed(shared.job.windmill, decided.path, decided.record.events)


def _previous(shared: Round, existing: Flow | None) -> Record | None:
    """Return the record of a flow that an earlier run deployed from this very repository."""
    record = None if existing is None else record_in(existing.value)
    if record is None or record.git is None or not same_repository(record.git.repository, shared.repository):
        return None
    return record


def _as_owned_before(shared: Round, decided: Decided, previous: Record | None) -> Decided:
    """Let a deployment keep its owner where the configuration names none, whoever runs this job."""
    if previous is None or shared.configuration.owner or previous.owner == decided.record.owner:
        return decided
    record = replace(decided.record, owner=previous.owner)
    return replace(decided, document=with_record(decided.document, record), record=record)


def _report(
    shared: Round, decided: Decided, outcome: FlowOutcome, deployed: Record | None = None
) -> FlowReport:
    record = deployed or decided.record
    return FlowReport(
        flow=record.flow,
        file=decided.record.git.path if decided.record.git else "",
        outcome=outcome,
        path=decided.path,
        link=flow_page(shared.job.base_url, shared.job.windmill.workspace, decided.path),
        commit=record.git.commit if record.git else "",
        package=record.package.sha,
    )


def _pruned(shared: Round) -> list[FlowReport]:
    if not shared.configuration.prune:
        return []
    reports = []
    windmill, folder = shared.job.windmill, shared.configuration.folder
    for flow, record in gone_flows(windmill, folder, shared.repository, shared.checkout):
        if isinstance(record, InvalidDocument):
            remark = f"It was left alone, since it is not known whether it is gone: {record}."
            reports.append(FlowReport(flow.path, "", "unchanged", flow.path, remarks=(remark,)))
            shared.job.say(_line(reports[-1]))
            continue
        file = record.git.path if record.git else ""
        if not shared.asked.dry_run:
            remove(windmill, flow.path)
        outcome: FlowOutcome = "would remove" if shared.asked.dry_run else "removed"
        reports.append(FlowReport(record.flow, file, outcome, flow.path))
        shared.job.say(_line(reports[-1]))
    return reports
