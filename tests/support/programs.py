"""Small flows and scripts as the API takes them."""

from __future__ import annotations

import sys
from typing import Any

LOCK = f"# py: {sys.version_info[0]}.{sys.version_info[1]}\n"
"""Nothing is required, on the version that is here anyway."""


def python(name: str, content: str, **transforms: Any) -> dict[str, Any]:
    """Return a module of Python code; a transform that is a text is JavaScript, others are static."""
    return {
        "id": name,
        "value": {
            "type": "rawscript",
            "language": "python3",
            "content": content,
            "lock": LOCK,
            "input_transforms": {key: transform(value) for key, value in transforms.items()},
        },
    }


def transform(value: Any) -> dict[str, Any]:
    """Return JavaScript for a text and a static value for anything else."""
    return (
        {"type": "javascript", "expr": value}
        if isinstance(value, str)
        else {"type": "static", "value": value}
    )


def flow(path: str, *modules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return what `flows/create` takes."""
    value = {"modules": list(modules), **more.pop("value", {})}
    return {"path": path, "summary": "A flow", "description": "", "value": value, **more}


def script(path: str, content: str, **more: Any) -> dict[str, Any]:
    """Return what `scripts/create` takes, locked so that it can run at once."""
    return {
        "path": path,
        "summary": "",
        "description": "",
        "content": content,
        "language": "python3",
        "lock": LOCK,
        **more,
    }
