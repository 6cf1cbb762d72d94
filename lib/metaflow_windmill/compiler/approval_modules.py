"""Steps before which a person is asked: a module that waits, right before each of their modules.

Windmill waits after a module and not before one, and what was answered is seen by the module that follows
and by no other. So what waits does nothing itself, and stands beside the step wherever the step stands: in a
branch, in a loop (then each item waits for itself), in a row that leaves out what was not chosen. It is a
script and no `identity`: one of those that has a `skip_if` counts as skipped for 1.788, and nobody is
waited for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.compiler.hook_modules import HAND_ON
from metaflow_windmill.contract.job_inputs import JobInputs
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.openflow import (
    Arm,
    BranchAll,
    BranchOne,
    ForLoop,
    Javascript,
    Module,
    RawScript,
    Static,
    Suspend,
    WhileLoop,
)

if TYPE_CHECKING:
    from metaflow_windmill.compiler.place import Context
    from metaflow_windmill.contract.approval import Approval
    from metaflow_windmill.openflow import Value
    from metaflow_windmill.types import Json

Modules = tuple[Module, ...]

ANSWERS = JobInputs(resumes=Javascript("resumes"), approvers=Javascript("approvers")).named()
"""The inputs by which a step is told what was answered."""


def with_approvals(context: Context, modules: Modules) -> Modules:
    """Return modules, and before each of a step that asks a person one that waits for the answer."""
    if not any(step.needs.approval for step in context.dag.steps):
        return modules
    return tuple(found for module in modules for found in _asking(context, module))


def _asking(context: Context, module: Module) -> Modules:
    if not isinstance(module.value, RawScript):
        return (replace(module, value=_inside(context, module.value)),)
    spec = _spec(module.value)
    approval = context.dag[spec.step].needs.approval if spec is not None else None
    if spec is None or approval is None:
        return (module,)
    inputs = {**module.value.input_transforms, **ANSWERS}
    told = replace(module, value=replace(module.value, input_transforms=inputs))
    return (_gate(context, module, module.value, spec, approval), told)


def _inside(context: Context, value: Value) -> Value:
    if isinstance(value, (ForLoop, WhileLoop)):
        return replace(value, modules=with_approvals(context, value.modules))
    if isinstance(value, BranchAll):
        arms = (
            Arm(with_approvals(context, arm.modules), arm.summary, arm.skip_failure) for arm in value.branches
        )
        return replace(value, branches=tuple(arms))
    if isinstance(value, BranchOne):
        branches = (
            replace(branch, modules=with_approvals(context, branch.modules)) for branch in value.branches
        )
        return replace(value, branches=tuple(branches), default=with_approvals(context, value.default))
    return value


def _spec(value: RawScript) -> TaskSpec | None:
    """Return the task of a module that runs one; a step that asks is in no pack."""
    task = value.input_transforms.get("task")
    found = task.value if isinstance(task, Static) and isinstance(task.value, dict) else {}
    return TaskSpec.from_json(dict(found)) if "step" in found else None


def _gate(context: Context, module: Module, value: RawScript, spec: TaskSpec, approval: Approval) -> Module:
    described: dict[str, Json] = {
        "description": approval.ask or f"Shall the step **{spec.step}** of {context.dag.name} run?",
        "step": spec.step,
    }
    deployment = context.deployment
    script = RawScript(HAND_ON, {"report": Static(described)}, lock=deployment.lock, tag=deployment.tag)
    return Module(
        id=context.names.of_part(module.id, "approval"),
        value=script,
        summary=f"ask before {spec.step}",
        skip_if=_left_out(context, module, value, spec),
        suspend=_suspend(approval, context.deployment.record.workflow_timeout),
    )


def _left_out(context: Context, module: Module, value: RawScript, spec: TaskSpec) -> str | None:
    """Return when nobody is asked: where the step is left out, or a resumed run clones its task."""
    if spec.step == context.dag.start:
        return module.skip_if
    start = context.names.first(context.dag.start)
    place = " + ".join([f'"{spec.step}/t"', *_position(value, spec)])
    cloned = f"(results.{start}.approved ?? []).includes({place})"
    return f"{module.skip_if} || {cloned}" if module.skip_if else cloned


def _position(value: RawScript, spec: TaskSpec) -> list[str]:
    """Return what makes the task's id of its position (see `metaflow_windmill.runtime.position.task_ids`)."""
    parts = []
    for number, level in enumerate(spec.levels):
        at = value.input_transforms[f"level_{number}"]
        where = at.expr if isinstance(at, Javascript) else ""
        parts += ['"-"', f"{where}.value"] if level == "foreach" else ['"."', f"{where}.index"]
    return parts


def _suspend(approval: Approval, limit: int | None) -> Suspend:
    timeout = approval.timeout if limit is None else min(approval.timeout, limit)
    groups = {"user_groups_required": Static(list(approval.groups)).to_json()}
    rules = {
        **({"resume_form": {"schema": approval.schema()}} if approval.form else {}),
        **({"user_auth_required": True, **groups} if approval.groups else {}),
        **({} if approval.self_approval else {"self_approval_disabled": True}),
        **({"continue_on_disapprove_timeout": True} if approval.otherwise == "continue" else {}),
    }
    return Suspend(approval.required, timeout, rules)
