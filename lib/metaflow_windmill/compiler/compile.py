"""From a Dag and a Deployment to a Document: the same input gives the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.compiler.approval_modules import with_approvals
from metaflow_windmill.compiler.describe import describe
from metaflow_windmill.compiler.end_module import with_publishing
from metaflow_windmill.compiler.hook_modules import with_exit_hooks
from metaflow_windmill.compiler.merges import merges
from metaflow_windmill.compiler.module_ids import ModuleIds
from metaflow_windmill.compiler.path_limits import refuse_long_paths
from metaflow_windmill.compiler.place import Arrival, Context, Place
from metaflow_windmill.compiler.sections import sequence
from metaflow_windmill.compiler.spec import Document
from metaflow_windmill.compiler.tangles import ArmLimits, tangled
from metaflow_windmill.compiler.uncompilable import refuse_unsupported
from metaflow_windmill.openflow import FlowValue

if TYPE_CHECKING:
    from metaflow_windmill.compiler.spec import DeploymentSpec
    from metaflow_windmill.graph.dag import Dag


def compile_flow(dag: Dag, deployment: DeploymentSpec, limits: ArmLimits | None = None) -> Document:
    """Compile a flow.

    Parameters
    ----------
    dag : Dag
    deployment : DeploymentSpec
    limits : ArmLimits or None
        Up to where choices are written with arms; the usual ones where None.

    Returns
    -------
    Document

    Raises
    ------
    UnsupportedFlow
        With one message that names every place of the flow that cannot be carried over.
    CompileError
        If the deployment asks for what cannot be.
    """
    refuse_unsupported(dag)
    return Document(
        path=deployment.path,
        summary=deployment.summary or dag.name,
        description=describe(dag, deployment.record, deployment.description),
        value=_value(dag, deployment, limits or ArmLimits()),
        schema=deployment.schema,
        labels=deployment.labels,
    )


def _value(dag: Dag, deployment: DeploymentSpec, limits: ArmLimits) -> FlowValue:
    after = merges(dag)
    context = Context(
        dag=dag,
        deployment=deployment,
        after=after,
        rank={step.name: number for number, step in enumerate(dag.ordered)},
        flat=tangled(dag, after, limits),
        names=ModuleIds(step.name for step in dag.steps),
    )
    section = sequence(context, dag.start, None, Arrival(), Place())
    modules = with_publishing(context, with_exit_hooks(context, section.modules), section.modules[-1].id)
    modules = with_approvals(context, modules)
    refuse_long_paths(deployment.path, modules)
    return FlowValue(modules, flow_env={"metaflow": deployment.record.to_json()})
