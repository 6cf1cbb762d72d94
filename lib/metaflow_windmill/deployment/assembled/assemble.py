"""A flow on the command line becomes a document: it is checked, compiled, and its package is saved."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from metaflow.metaflow_config_funcs import from_conf

from metaflow_windmill import __version__
from metaflow_windmill.compiler import ArmLimits, DeploymentSpec, compile_flow, refuse_unsupported
from metaflow_windmill.contract.record import PackageInfo, Record, ScheduleInfo
from metaflow_windmill.deployment.assembled.memos import memos_of
from metaflow_windmill.deployment.assembled.options import check_wanted
from metaflow_windmill.deployment.assembled.settings import (
    datastore_of,
    metadata_of,
    task_variables,
    top_level_options,
)
from metaflow_windmill.deployment.assembled.taken_sources import check_package_sources
from metaflow_windmill.deployment.assembled.worker_needs import (
    needs_of,
    say_what_is_left_out,
    without_secrets,
)
from metaflow_windmill.deployment.described.cron import UTC, carry_over
from metaflow_windmill.deployment.described.git_origin import told_origin
from metaflow_windmill.deployment.described.names import labels_of
from metaflow_windmill.deployment.described.parameters import read_parameters, schema_of
from metaflow_windmill.deployment.described.secret_references import read_secrets
from metaflow_windmill.deployment.described.worker_tags import tag_beside_steps
from metaflow_windmill.deployment.placed.newer import for_server
from metaflow_windmill.deployment.placed.ownership import with_record
from metaflow_windmill.deployment.placed.server_support import check_document
from metaflow_windmill.deployment.placed.subscription import read_events
from metaflow_windmill.graph import read_dag
from metaflow_windmill.internals.deploying import (
    attach,
    decorators_by_name,
    flow_decorators,
    flow_decorators_called,
)
from metaflow_windmill.package.reads import seen
from metaflow_windmill.package.save import CodePackage
from metaflow_windmill.package.script import step_script

if TYPE_CHECKING:
    from metaflow_windmill.client.site import Site
    from metaflow_windmill.deployment.assembled.deployment_target import Target
    from metaflow_windmill.deployment.assembled.options import DeployOptions
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.internals.shapes import MetaflowFlow
    from metaflow_windmill.types import Json

INTERNAL = "windmill_internal"
"""The decorator that tells Metaflow's metadata of the job."""
_NO_PACKAGE = PackageInfo("", "", "", "")


def check(obj: CliState, wanted: DeployOptions) -> None:
    """Lint the flow and its tags, as every orchestrator of Metaflow does first."""
    from metaflow.tagging_util import validate_tags

    check_wanted(wanted)
    obj.check(obj.graph, obj.flow, obj.environment, pylint=obj.pylint)
    validate_tags(wanted.tags)


@dataclass(frozen=True)
class Assembled:
    """A flow that was compiled, and its code package, of which nothing is saved yet.

    Parameters
    ----------
    document : JSON object
        The body of ``flows/create``, without the address of the package.
    package : CodePackage
    """

    document: Json
    package: CodePackage

    @property
    def record(self) -> Record:
        """The record in the document."""
        return Record.from_json(self.document["value"]["flow_env"]["metaflow"])

    def saved(self) -> Json:
        """Save the code package in the flow's datastore; return the document with its address.

        Raises
        ------
        PackageError
            If it cannot be made, or the datastore cannot be reached.
        """
        return with_record(self.document, replace(self.record, package=self.package.save()))


def assemble(
    obj: CliState, meant: Target, wanted: DeployOptions, token: str, site: Site | None = None
) -> Assembled:
    """Compile the flow, for the server that it is to run on where that is known; nothing is saved.

    Raises
    ------
    CompileError, DeployError
    """
    reads, package = seen(), CodePackage(obj)
    attach(obj, INTERNAL)
    record = make_record(obj, meant, wanted, token)
    dag, script = read_dag(obj.graph, flow_decorators(obj.flow)), step_script()
    refuse_unsupported(dag)  # before the package is built, which may fail for less
    check_package_sources(obj, package)
    say_what_is_left_out(package, reads)
    needed = needs_of(obj, dag, script, wanted.requirements, package)
    secrets = read_secrets(wanted.secrets)
    deployment = DeploymentSpec(
        path=meant.path,
        record=without_secrets(record, secrets),
        script=script,
        lock=needed.lock,
        schema=schema_of(record.parameters),
        labels=labels_of(record),
        max_workers=wanted.max_workers,
        pack=wanted.pack,
        memos=memos_of(obj, dag, package, every_step=wanted.memo),
        retry_lost=wanted.retry_lost,
        max_splits=wanted.max_num_splits,
        tag=tag_beside_steps(dag, needed.rules),
        tag_rules=needed.rules,
        codes=needed.codes,
        secrets={secret.name: secret.reference for secret in secrets},
        notifications=wanted.notifications,
        summary=wanted.workflow_title or "",
        description=wanted.workflow_description or "",
    )
    document = compile_flow(dag, deployment, limits()).to_json()
    return Assembled(_for(site, document), package)


def _for(site: Site | None, document: Json) -> Json:
    """Return the document with what a server has a use for; `DeployError` if it would run it wrongly."""
    version = site.version if site else None
    if site is None or version is None:
        return document
    check_document(site.host, version, document["value"])
    return {**document, "value": for_server(document["value"], version.numbers)}


def make_record(obj: CliState, meant: Target, wanted: DeployOptions, token: str) -> Record:
    """Return the deployment record, but for the package."""
    from metaflow.util import get_username

    schedule = schedule_of(obj.flow)
    parameters = read_parameters(obj.flow, scheduled=schedule is not None)
    return Record(
        flow=obj.flow.name,
        owner=get_username(),
        token=token,
        package=_NO_PACKAGE,
        datastore=datastore_of(obj),
        metadata=metadata_of(obj),
        parameters=parameters,
        project=meant.identity.project,
        branch=meant.identity.branch,
        top_level=top_level_options(obj),
        tags=wanted.tags,
        namespace=wanted.user_namespace,
        variables=task_variables(obj),
        schedule=schedule,
        events=read_events(
            decorators_by_name(obj.flow),
            [info.name for info in parameters],
            meant.identity,
        ),
        git=told_origin(),
        workflow_timeout=wanted.workflow_timeout,
        versions=_versions(),
    )


def schedule_of(flow: MetaflowFlow) -> ScheduleInfo | None:
    """Return what ``@schedule`` says, in Windmill's dialect; None if the flow has none, or a void one."""
    decorators = flow_decorators_called(flow, "schedule")
    if not decorators or not decorators[0].schedule:
        return None
    carried = carry_over(decorators[0].schedule)
    return ScheduleInfo(carried.cron, decorators[0].timezone or UTC)


def schedule_remark(flow: MetaflowFlow) -> str:
    """Return a remark on the meaning of the schedule, or nothing."""
    decorators = flow_decorators_called(flow, "schedule")
    return carry_over(decorators[0].schedule).remark if decorators and decorators[0].schedule else ""


def _versions() -> dict[str, str]:
    from metaflow.metaflow_version import get_version

    return {
        "metaflow": get_version(),
        "metaflow_windmill": __version__,
        "python": platform.python_version(),
    }


def limits() -> ArmLimits:
    """Return up to where choices are written with arms.

    ``METAFLOW_WINDMILL_CHOICES=rows`` has all of them written as rows: with it, small flows show
    what otherwise only large ones do. `scripts/fuzz` uses it.
    """
    return ArmLimits(0, 0) if from_conf("WINDMILL_CHOICES", "") == "rows" else ArmLimits()
