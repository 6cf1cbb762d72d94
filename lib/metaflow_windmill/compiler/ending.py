"""The module after the last step: it tells whoever waits for it that the run has succeeded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.compiler.deployment import secret_inputs
from metaflow_windmill.contract.event import PUBLISH
from metaflow_windmill.contract.exit_hook import EXIT_HOOKS
from metaflow_windmill.contract.notification import NOTIFY
from metaflow_windmill.openflow import Javascript, Module, RawScript, Static

if TYPE_CHECKING:
    from metaflow_windmill.compiler.place import Context


def ends_run(module: Module) -> bool:
    """Tell whether a module is that of no step: it notifies, runs exit hooks or publishes the end."""
    task = module.value.input_transforms.get("task") if isinstance(module.value, RawScript) else None
    said = task.value if isinstance(task, Static) and isinstance(task.value, dict) else {}
    return not said.keys().isdisjoint((PUBLISH, EXIT_HOOKS, NOTIFY))


def publish_module(context: Context) -> Module:
    """Return the module that publishes the end of a run.

    It is a job of its own, without user code, since only there Windmill's token may be used. Its
    failure is seen on the run's page, and does not make a failure of a run that has succeeded.
    """
    names, dag = context.names, context.dag
    return Module(
        id=names.of_part(names.first(dag.end), "published"),
        summary="tell who waits for it",
        value=RawScript(
            content=context.deployment.script,
            input_transforms={
                "task": Static({PUBLISH: dag.end}),
                "deployment": Javascript("flow_env.metaflow"),
                "run": Javascript(f"results.{names.first(dag.start)}.run_id"),
                **secret_inputs(context.deployment),
            },
            lock=context.deployment.lock,
            tag=context.deployment.tag,
        ),
        continue_on_error=True,
    )
