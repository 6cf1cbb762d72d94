"""Secrets become environment variables."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from metaflow_windmill.package.body.failures import SecretError

GOOGLE_KEY = "GOOGLE_APPLICATION_CREDENTIALS"


def set_secrets(secrets: dict[str, Any]) -> None:
    """Set the environment variables whose values Windmill has filled in, and say which ones they are."""
    for name, value in secrets.items():
        text = field_of(name, **value) if isinstance(value, dict) else str(value)
        os.environ[name] = file_of(text) if name == GOOGLE_KEY and text.lstrip()[:1] == "{" else text
    os.environ["METAFLOW_WINDMILL_SECRETS"] = ",".join(secrets)


def file_of(text: str) -> str:
    """Return a file that only the job's user can read: Google's library takes a key from a file alone."""
    descriptor, path = tempfile.mkstemp(prefix="google-", suffix=".json", dir=Path.cwd())
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def field_of(name: str, resource: dict[str, Any] | None, field: str) -> str:
    """Return a field of a resource."""
    if not resource or resource.get(field) is None:
        raise SecretError(f"The resource that {name} comes from has no field {field!r}; correct --secret.")
    return str(resource[field])
