"""The code of each step with what it requires: from ``@pypi`` and from a file of requirements.

A step that asks for nothing has a lock, of the few packages that every task imports, so that it
is deployed at once. A step that asks for packages names them in its code and has no lock:
Windmill resolves, pins and caches them. Steps that ask for the same have the same text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metaflow_windmill.compiler import StepScript
from metaflow_windmill.graph import StepPackages
from metaflow_windmill.package.lock import roots_for
from metaflow_windmill.package.requirements import StepRequirements, read_requirements
from metaflow_windmill.package.script import with_requirements
from metaflow_windmill.package.target import chosen_python, plain_lines

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.graph import Dag, Step

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def codes_of(
    dag: Dag,
    script: str,
    datastore: str,
    file: Path | None,
    found: tuple[str, ...] = (),
    *,
    locked: bool = True,
) -> dict[str, StepScript]:
    """Return the code of the steps that require something, by name.

    Parameters
    ----------
    dag : Dag
    script : str
        The code of every step.
    datastore : str
        Metaflow's name for the kind of datastore.
    file : Path or None
        The file of requirements for all steps.
    found : tuple of str
        What the flow's files import, for the steps that name no packages.
    locked : bool
        Whether what was found has a lock already.

    Raises
    ------
    PackageError
        If something cannot be read, or installed by Windmill.
    """
    needs = {step.name: _requirements(step, file, found, locked=locked) for step in dag.steps}
    return {
        name: StepScript(
            with_requirements(script, merged(roots_for(datastore), needed.lines), needed.python), None
        )
        for name, needed in needs.items()
        if needed is not None
    }


def merged(*sets: tuple[str, ...]) -> tuple[str, ...]:
    """Return requirements together; of the same package, the last word counts."""
    named = {_name(line): line for lines in sets for line in lines}
    return tuple(named[name] for name in sorted(named))


def _requirements(
    step: Step, file: Path | None, found: tuple[str, ...], *, locked: bool
) -> StepRequirements | None:
    own = step.needs.packages or StepPackages()
    if file is None and not own.lines and not own.python and (locked or not found):
        return None
    place = f"@pypi of the step {step.name!r}"
    shared = read_requirements(file, own.python) if file else None
    python = shared.python if shared else chosen_python("", own.python, place)
    lines = plain_lines(own.lines, python, place) if own.lines else found
    return StepRequirements(merged(shared.lines if shared else (), lines), python)


def _name(line: str) -> str:
    match = _NAME.match(line)
    return match[0] if match else line
