"""The scripts that stand in a flow's own value, and their locks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.model import ScriptCode
from metaflow_windmill.openflow import scripts_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from metaflow_windmill.devserver.model import RunnableFlow
    from metaflow_windmill.types import Json


def codes(flow: RunnableFlow) -> tuple[ScriptCode, ...]:
    """Return the scripts in a flow that have no lock, each text once."""
    found = {script["content"]: script for script in unlocked(flow.value)}
    return tuple(
        ScriptCode(content, script.get("language", "python3"), path=script.get("path") or flow.path)
        for content, script in found.items()
    )


def with_locks(value: Json, locks: Sequence[str]) -> Json:
    """Return a flow's value with a lock for each of its `codes`."""
    locked = copy.deepcopy(value)
    scripts = list(unlocked(locked))
    of_text = dict(zip(dict.fromkeys(script["content"] for script in scripts), locks, strict=True))
    for script in scripts:
        script["lock"] = of_text[script["content"]]
    return locked


def unlocked(value: Json) -> Iterator[Json]:
    """Yield the scripts without a lock, wherever they stand: the very objects in the value."""
    return (script for script in scripts_in(value) if not script.get("lock"))
