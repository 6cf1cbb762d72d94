"""Values that Windmill would take for references of its own, written so that they arrive as they are.

Windmill fills in every text that begins with ``$var:``, ``$res:`` and the like, wherever it stands in
the arguments of a job, with the rights of whoever runs it. What comes from a command line, a program
or an event is data: it must not become the value of a secret.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

EXACT = "$exact"
"""The one key of an object that stands for a value; its value is that value as JSON text."""

_REFERENCE = re.compile(r"\$[A-Za-z_]+:")


def exact(value: Json) -> Json:
    """Return what Windmill hands on so that `plain` makes the value of it; mostly the value itself."""
    return {EXACT: json.dumps(value)} if refers(value) else value


def plain(value: Json) -> Json:
    """Return the value that `exact` wrote."""
    return json.loads(value[EXACT]) if _is_written(value) else value


def refers(value: Json) -> bool:
    """Tell whether Windmill, or `plain`, would take a value, or a part of it, for something else."""
    if isinstance(value, str):
        return bool(_REFERENCE.match(value))
    if isinstance(value, dict):
        return _is_written(value) or any(map(refers, value.values()))
    return isinstance(value, (list, tuple)) and any(map(refers, value))


def _is_written(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {EXACT} and isinstance(value[EXACT], str)
