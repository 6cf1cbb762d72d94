"""The compiled flow as a Mermaid diagram: each task a box, each loop and split a frame around its tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from metaflow_windmill.compiler.end_module import ends_run
from metaflow_windmill.contract.pack import Pack, read_task
from metaflow_windmill.errors import InvalidDocument
from metaflow_windmill.openflow import BranchAll, BranchOne, ForLoop, Identity, RawScript, Static, WhileLoop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.contract.task_spec import TaskSpec
    from metaflow_windmill.openflow import FlowValue, Module

Ends: TypeAlias = tuple[tuple[str, str], ...]
"""Where arrows to whatever comes next begin: a node, and what is written on the arrow."""


def mermaid(value: FlowValue) -> str:
    """Return a compiled flow as the text of a Mermaid flowchart.

    Parameters
    ----------
    value : FlowValue
        As `compile_flow` makes it. The default of a choice is never drawn: no run takes it.

    Raises
    ------
    InvalidDocument
        If it holds a leaf that the compiler did not make.
    """
    chart = _Chart()
    chart.in_a_row(value.modules, ())
    return "\n".join(["flowchart TD", *chart.lines, *chart.arrows])


@dataclass
class _Chart:
    """The lines written so far; arrows come last, since an arrow may not begin a frame.

    Each node that was drawn is kept with the step that it runs.
    """

    lines: list[str] = field(default_factory=list)
    arrows: list[str] = field(default_factory=list)
    steps: dict[str, str] = field(default_factory=dict)
    depth: int = 1

    def in_a_row(self, modules: Sequence[Module], ends: Ends) -> Ends:
        """Draw modules that follow one another; return where the last of them leaves off."""
        for module in modules:
            after = self.module(module, ends)
            ends = (*ends, *after) if module.skip_if else after
        return ends

    def module(self, module: Module, ends: Ends) -> Ends:
        value = module.value
        if isinstance(value, Identity) or ends_run(module) or module.suspend is not None:
            return ends
        if isinstance(value, BranchOne):
            return self.choice(value, ends)
        if isinstance(value, (BranchAll, ForLoop, WhileLoop)):
            return self.frame(module, value, ends)
        self.write(_box(module))
        first, last = _first_and_last(module)
        self.steps[module.id] = last.step
        parents = {source.step for given in first.inputs for source in given.any_of}
        self.arrows += [_arrow(node, label, module.id) for node, label in ends if self.steps[node] in parents]
        return ((module.id, ""),)

    def choice(self, value: BranchOne, ends: Ends) -> Ends:
        if all(isinstance(module.value, Identity) for branch in value.branches for module in branch.modules):
            return ends
        if any(module.mock for module in value.default):
            # The choice whether to run a part of a row: what stands before it may lead past it.
            return (*ends, *self.in_a_row(value.branches[0].modules, ends))
        nodes, drawn = [node for node, _ in ends], list[tuple[str, str]]()
        for branch in value.branches:
            label = branch.summary or branch.expr
            drawn += self.in_a_row(branch.modules, tuple((node, label) for node in nodes))
        return tuple(drawn)

    def frame(self, module: Module, value: BranchAll | ForLoop | WhileLoop, ends: Ends) -> Ends:
        self.write(f"subgraph {_box(module)}")
        self.depth += 1
        rows = [arm.modules for arm in value.branches] if isinstance(value, BranchAll) else [value.modules]
        drawn = [self.in_a_row(row, ends) for row in rows]
        self.depth -= 1
        self.write("end")
        last = tuple(end for row in drawn for end in row)
        if isinstance(value, WhileLoop):
            first = next(module for module in value.modules if module.suspend is None)
            self.arrows += [_arrow(node, "again", first.id) for node, _ in last]
        return last

    def write(self, line: str) -> None:
        self.lines.append("  " * self.depth + line)


def _first_and_last(module: Module) -> tuple[TaskSpec, TaskSpec]:
    """Return the first and the last of the tasks of a job, mostly the same."""
    task = module.value.input_transforms.get("task") if isinstance(module.value, RawScript) else None
    if not isinstance(task, Static):
        raise InvalidDocument(f"the module '{module.id}' is no task of a compiled flow")
    said = read_task(task.value)
    if said is None:
        raise InvalidDocument(f"the module '{module.id}' runs no task")
    return (said.steps[0], said.steps[-1]) if isinstance(said, Pack) else (said, said)


def _box(module: Module) -> str:
    # The prefix keeps ids away from the words of Mermaid, such as end.
    return f"m_{module.id}[{_quoted(module.summary or module.id)}]"


def _arrow(node: str, label: str, to: str) -> str:
    return f"  m_{node} -->{f'|{_quoted(label)}|' if label else ''} m_{to}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "#quot;") + '"'
