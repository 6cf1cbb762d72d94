"""The key of a task: what its outcome depends on, part by part, and a digest of all parts.

Not counted is what a task cannot know before it runs and what no two runs share: the ids of the run and of
the task, the attempt, the time, `current`, and what a step's code reads elsewhere. Of that the user is told.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.contract.memo import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from metaflow_windmill.contract.memo import Memo
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.runtime.position.tasks import StoredArtifact
    from metaflow_windmill.types import Json

ARTIFACT = "artifact "
"""What the name of a part begins with that is an artifact of the inputs."""

NOT_COUNTED = frozenset(
    {
        "_control_mapper_tasks",  # names of tasks, which have the run's id in them
        "_current_step",
        "_exception",
        "_graph_info",  # of the whole flow; a task is given that of its own run
        "_success",
        "_task_ok",
        "_transition",  # where the input went on to: it is here
    }
)
"""Artifacts of Metaflow's own that no step's code is given from its inputs."""

_INSTALLED = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)\.(dist|egg)-info")


def digest(thing: Json) -> str:
    """Return a digest of something that JSON can hold."""
    text = json.dumps(thing, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def parts_of(
    task: Task, memo: Memo, inputs: Sequence[tuple[str, Mapping[str, StoredArtifact]]], *, whole: bool
) -> dict[str, str]:
    """Return what a task's outcome depends on, by what it is.

    Parameters
    ----------
    task : Task
    memo : Memo
        What the compiler told of its step.
    inputs : sequence of (str, mapping)
        Of each task that it reads, in order: its step, and its artifacts.
    whole : bool
        Whether all of the package counts as the step's code.
    """
    spec, record = task.spec, task.record
    ignored = {info.python_name for info in record.parameters if info.name in memo.ignore} | set(memo.ignore)
    return {
        "format": str(FORMAT),
        "step": spec.step,
        "position": task.id,
        "code": memo.package if whole else memo.code,
        **memo.says,
        **{f"environment {name}": digest(value) for name, value in spec.environment.items()},
        **{name: record.versions.get(name, "") for name in ("metaflow", "metaflow_windmill")},
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "packages": installed(sys.path),
        "inputs": ",".join(step for step, _ in inputs),
        **_artifacts([artifacts for _, artifacts in inputs], ignored | NOT_COUNTED),
    }


def key_of(parts: Mapping[str, str]) -> str:
    """Return the key that the parts make."""
    return digest(dict(parts))


def installed(search: Iterable[str]) -> str:
    """Return the names and versions of the packages that can be imported."""
    found: dict[str, str] = {}
    for folder in search:
        for entry in _entries(folder):
            if match := _INSTALLED.fullmatch(entry):
                found.setdefault(re.sub(r"[-_.]+", "-", match["name"]).lower(), match["version"])
    return ", ".join(f"{name} {found[name]}" for name in sorted(found))


def _entries(folder: str) -> list[str]:
    try:
        return [entry.name for entry in Path(folder or ".").iterdir()]
    except OSError:
        return []


def _artifacts(
    inputs: Sequence[Mapping[str, StoredArtifact]], ignored: set[str] | frozenset[str]
) -> dict[str, str]:
    """Return a digest for each name, of what all inputs hold under it."""
    names = sorted({name for artifacts in inputs for name in artifacts} - ignored)
    if len(inputs) == 1:
        return {f"{ARTIFACT}{name}": inputs[0][name].sha for name in names}
    held = {name: [found[name].sha if name in found else None for found in inputs] for name in names}
    return {f"{ARTIFACT}{name}": digest(shas) for name, shas in held.items()}
