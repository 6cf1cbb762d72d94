"""How long the paths of a flow's jobs become: Windmill keeps 255 characters of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import UnsupportedFlow
from metaflow_windmill.openflow import BranchAll, BranchOne, ForLoop, RawScript, WhileLoop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.openflow import Module

LONGEST = 255
"""Characters of ``v2_job.runnable_path``; 1.788 fails a flow where one of its jobs would have more."""

SPARE_DIGITS = 5
"""What the numbers of the turns may take beyond one digit for each loop. The sizes of loops in one another
multiply, so five in all are enough for every flow of less than a million turns of its innermost loop."""


def refuse_long_paths(path: str, modules: tuple[Module, ...]) -> None:
    """Refuse a flow of which a job would have a longer path than Windmill keeps.

    Parameters
    ----------
    path : str
        Where the flow is deployed.
    modules : tuple of Module

    Raises
    ------
    UnsupportedFlow
        Names the module with the longest path, and by how many characters that is too long.
    """
    length, step = max(_jobs(modules, len(path), looped=False), default=(0, ""))
    if length > LONGEST:
        raise UnsupportedFlow(
            f"'{step}' stands too deep: the path of its job may take {length} characters, "
            f"{length - LONGEST} more than the {LONGEST} that Windmill keeps. The flow's path '{path}' takes "
            f"{len(path)} of them, the step's name and the splits, foreaches and switches around it "
            f"{length - len(path)}: take a shorter --folder, --name or name of the step, or make the inner "
            "levels a flow of their own"
        )


def _jobs(modules: tuple[Module, ...], length: int, *, looped: bool) -> Iterator[tuple[int, str]]:
    """Yield the length of the path of each job, and the module that it is of (worker_flow.rs, `get_path`).

    The only leaf of a loop may be run without its id in the path; it is counted, since a preview has it.
    """
    for module in modules:
        if _has_own_path(module):
            yield length + len(f"/{module.id}") + SPARE_DIGITS * looped, module.id
        for name, inner in _parts(module):
            inside = looped or isinstance(module.value, (ForLoop, WhileLoop))
            below = length + len(f"/{name}")
            yield below + SPARE_DIGITS * inside, module.id
            yield from _jobs(inner, below, looped=inside)


def _has_own_path(module: Module) -> bool:
    mocked = module.mock is not None and module.mock.enabled
    return isinstance(module.value, RawScript) and module.value.path is None and not mocked


def _parts(module: Module) -> Iterator[tuple[str, tuple[Module, ...]]]:
    """Yield what a container adds to the path of the jobs in it, and the modules that get it."""
    value = module.value
    if isinstance(value, ForLoop):
        yield ("forloop-0" if value.parallel else "loop-0"), value.modules
    elif isinstance(value, WhileLoop):
        yield "loop-0", value.modules
    elif isinstance(value, BranchOne):
        if value.default:
            yield "branchone-0", value.default
        yield from ((f"branchone-{at}", arm.modules) for at, arm in enumerate(value.branches, start=1))
    elif isinstance(value, BranchAll):
        yield from ((f"branchall-{at}", arm.modules) for at, arm in enumerate(value.branches))
