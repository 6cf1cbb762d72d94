"""The module after the last step: it tells whoever waits for it that the run has succeeded.

Who waits is known when the run ends and not before: flows are deployed in any order, and while others
run. So the end step's job asks Windmill, after its task, whether anybody does, and without anybody the
flow ends there. Where that cannot be found out, the module runs and tries again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.compiler.spec import RECORD, secrets_of
from metaflow_windmill.contract.event import PUBLISH
from metaflow_windmill.contract.exit_hook import EXIT_HOOKS
from metaflow_windmill.contract.job_inputs import JobInputs
from metaflow_windmill.contract.notification import NOTIFY
from metaflow_windmill.errors import FINAL
from metaflow_windmill.openflow import (
    ConstantDelay,
    Javascript,
    Module,
    RawScript,
    Retry,
    Static,
    StopAfterIf,
)

if TYPE_CHECKING:
    from metaflow_windmill.compiler.place import Context

RETRY = Retry(ConstantDelay(attempts=5, seconds=30), retry_if=f"error?.extra?.{FINAL} !== true")
"""For as long as a server is away when it is started again. Who was told before is not told twice."""


def ends_run(module: Module) -> bool:
    """Tell whether a module is that of no step: it notifies, runs exit hooks or publishes the end."""
    task = module.value.input_transforms.get("task") if isinstance(module.value, RawScript) else None
    said = task.value if isinstance(task, Static) and isinstance(task.value, dict) else {}
    return not said.keys().isdisjoint((PUBLISH, EXIT_HOOKS, NOTIFY))


def with_publishing(context: Context, modules: tuple[Module, ...], end: str) -> tuple[Module, ...]:
    """Return a run's modules and the one that publishes its end, if anybody waits for it.

    Nothing at all comes after an end step that stands last. After notifications and exit hooks the module
    is skipped, which costs no Python: what stands around the steps then cannot stop the flow.

    Parameters
    ----------
    context : Context
    modules : tuple of Module
    end : str
        The id of the module that runs the end step.
    """
    *before, last = modules
    publish = _publish_module(context, end)
    if last.id == end:
        return (*before, replace(last, stop_after_if=StopAfterIf("result.awaited === false")), publish)
    return (*modules, replace(publish, skip_if=f"results.{end}.awaited === false"))


def _publish_module(context: Context, end: str) -> Module:
    """Return the module that publishes the end of a run.

    It is a job of its own, without user code, since only there Windmill's token may be used. Its
    failure is seen on the run's page, and does not make a failure of a run that has succeeded.
    """
    names, dag = context.names, context.dag
    given = JobInputs(
        deployment=RECORD,
        run=Javascript(f"results.{names.first(dag.start)}.run_id"),
        report=Javascript(f"results.{end}"),
        secrets=secrets_of(context.deployment),
    )
    return Module(
        id=names.of_part(names.first(dag.end), "published"),
        summary="tell who waits for it",
        value=context.deployment.code.job({PUBLISH: dag.end}, given.named(), context.deployment.tag),
        retry=RETRY,
        continue_on_error=True,
    )
