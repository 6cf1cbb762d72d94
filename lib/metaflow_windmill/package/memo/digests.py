"""Digests of files and of what JSON can hold."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from metaflow_windmill.types import Json


def digest(thing: Json) -> str:
    """Return a digest of something; what JSON cannot hold counts as Python shows it."""
    text = json.dumps(thing, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def package_digest(files: Mapping[str, Path]) -> str:
    """Return a digest of files, by their names and what they hold."""
    return digest({name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()})
