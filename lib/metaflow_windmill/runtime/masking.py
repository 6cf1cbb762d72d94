"""Hides the values of ``--secret`` in what a task prints: in Windmill's log and in Metaflow's alike."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.metadata_service import HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.runtime.failure import Failure

NAMES = "METAFLOW_WINDMILL_SECRETS"
"""Holds the names of the variables that are secrets, with commas between; `run_step.py` sets it."""

GOOGLE_KEY = "GOOGLE_APPLICATION_CREDENTIALS"
"""Names a file; where its value came as a secret, `run_step.py` has made that file."""

SHORTEST = 8
"""Characters of a value that is hidden; as with Windmill, a shorter one would hide what is none."""

MASK = "********"


@dataclass(frozen=True)
class Mask:
    """What is to be hidden, the longest first."""

    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Mask:
        """Return the mask for the secrets in an environment; of one with several lines, each line counts."""
        values = [
            text for name in environment.get(NAMES, "").split(",") for text in _texts(name, environment)
        ]
        parts = {line for value in values for line in (value, *value.splitlines()) if len(line) >= SHORTEST}
        return cls(tuple(sorted(parts, key=lambda part: (-len(part), part))))

    def text(self, text: str) -> str:
        """Return a text without the values."""
        for value in self.values:
            text = text.replace(value, MASK)
        return text

    def data(self, data: bytes) -> bytes:
        """Return output without the values."""
        for value in self.values:
            data = data.replace(value.encode(), MASK.encode())
        return data

    def failure(self, failure: Failure) -> Failure:
        """Return an exception without the values in its message."""
        return replace(failure, message=self.text(failure.message))


def _texts(name: str, environment: Mapping[str, str]) -> list[str]:
    """Return what a secret says: some are more than the value of their variable."""
    value = environment.get(name, "")
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        if name == GOOGLE_KEY:
            text = Path(value).read_text(encoding="utf-8")
            return [text, str(json.loads(text)["private_key"])]
        if name == HEADERS:
            said = [str(header) for header in json.loads(value).values()]
            return [value, *said, *(word for header in said for word in header.split())]
    return [] if name == GOOGLE_KEY else [value]
