"""What runs when a run is over, however it ended: notifications, and the functions of ``@exit_hook``.

Windmill's own `failure_module` does not do for the hooks of a failed run. It runs in the innermost
part that failed, so for several items of a foreach several times and while others still run, and
not for the run as a whole. So all steps of such a flow stand in one part, which is allowed to fail,
and the module after it sees how that ended.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.compiler.notification_module import notify_on_error, notify_on_success
from metaflow_windmill.compiler.spec import RECORD, secrets_of
from metaflow_windmill.contract.exit_hook import EXIT_HOOKS, ExitHooks
from metaflow_windmill.contract.job_inputs import JobInputs
from metaflow_windmill.contract.report import REPORT
from metaflow_windmill.openflow import (
    Arm,
    Branch,
    BranchAll,
    BranchOne,
    Javascript,
    Module,
    RawScript,
)

if TYPE_CHECKING:
    from metaflow_windmill.compiler.place import Context

Modules = tuple[Module, ...]

HAND_ON = "def main(report):\n    return report\n"
"""The one script of a compiled flow that is not a step's: its result is what it is given."""


def with_exit_hooks(context: Context, steps: Modules) -> Modules:
    """Return the modules of all steps, and those that notify or run the flow's exit hooks.

    Where nothing is to be done for a failed run, nothing stands around the steps. Else the result
    of the part with the steps is a list with the result of the last of them, or with what failed,
    which has no run id. People are told first: a hook may take long.
    """
    hooks, names = context.dag.exit_hooks, context.names
    if not (hooks.on_error or context.deployment.notifications.on_error):
        return (*steps, *_succeeded(context, f"results.{steps[-1].id}"))
    part = names.of_part(names.first(context.dag.start), "to_end")
    body = BranchAll((Arm(steps, "all steps", skip_failure=True),), parallel=False)
    error = f"[results.{part}[0]].flat(Infinity).find((item) => item && item.error).error"
    after = (*notify_on_error(context, error), _on_error(context, error))
    failed = Branch(f"results.{part}[0].run_id === undefined", after, "it failed")
    report = f"results.{part}[0]"
    summary = "exit hooks" if hooks.on_error else "how it ended"
    ended = BranchOne((failed,), _succeeded(context, report) or (_hand_on(context, part, report),))
    return (Module(part, body, "all steps"), Module(names.of_part(part, "ended"), ended, summary))


def _succeeded(context: Context, report: str) -> Modules:
    """Return what follows a run that succeeded."""
    hooks = (_on_success(context, report),) if context.dag.exit_hooks.on_success else ()
    return (*notify_on_success(context, report), *hooks)


def _hand_on(context: Context, part: str, report: str) -> Module:
    """Return the module whose result is the end step's: that of the part is a list with it."""
    deployment = context.deployment
    code = RawScript(
        content=HAND_ON,
        input_transforms={REPORT: Javascript(report)},
        lock=deployment.lock,
        tag=deployment.tag,
    )
    return Module(context.names.of_part(part, "pass"), code, "no hook")


def _on_success(context: Context, report: str) -> Module:
    """Return the module after a run that succeeded; it does not make a failure of that."""
    hooks = ExitHooks(context.dag.exit_hooks.on_success)
    given = JobInputs(report=Javascript(report))
    return _module(context, "on_success", hooks, given, continue_on_error=True)


def _on_error(context: Context, error: str) -> Module:
    """Return the module after a run that failed; it fails like the run."""
    hooks = ExitHooks(context.dag.exit_hooks.on_error, failed=True)
    given = JobInputs(error=Javascript(error))
    return _module(context, "on_error", hooks, given, continue_on_error=False)


def _module(
    context: Context, part: str, hooks: ExitHooks, given: JobInputs, *, continue_on_error: bool
) -> Module:
    names, deployment = context.names, context.deployment
    code = deployment.code_of(context.dag.start)
    given = replace(given, deployment=RECORD, secrets=secrets_of(deployment))
    return Module(
        id=names.of_part(names.first(context.dag.end), part),
        summary=", ".join(hooks.functions) or "the run failed",
        value=code.job({EXIT_HOOKS: hooks.to_json()}, given.named(), deployment.tag),
        continue_on_error=continue_on_error,
    )
