"""Hides the values of ``--secret`` in what a task prints: in Windmill's log and in Metaflow's alike."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.output.metadata_service import HEADERS
from metaflow_windmill.secret_forms import forms_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from metaflow_windmill.runtime.output.failure import Failure

NAMES = "METAFLOW_WINDMILL_SECRETS"
"""Holds the names of the variables that are secrets, with commas between; `package.body.secrets` sets it."""

GOOGLE_KEY = "GOOGLE_APPLICATION_CREDENTIALS"
"""Names a file; where its value came as a secret, `package.body.secrets` has made that file."""

SHORTEST = 8
"""Characters of a value that is hidden; as with Windmill, a shorter one would hide what is none."""

MASK = "********"


@dataclass(frozen=True)
class Mask:
    """What is to be hidden: each form of each secret, the longest first."""

    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Mask:
        """Return the mask for the secrets in an environment; of one with several lines, each line counts."""
        values = [
            text for name in environment.get(NAMES, "").split(",") for text in _texts(name, environment)
        ]
        parts = {line for value in values for line in (value, *value.splitlines())}
        forms = {form for part in parts for form in forms_of(part, SHORTEST)}
        return cls(tuple(sorted(forms, key=lambda form: (-len(form), form))))

    def text(self, text: str) -> str:
        """Return a text without the values."""
        return self._of_text.sub(MASK, text) if self.values else text

    def data(self, data: bytes) -> bytes:
        """Return output without the values."""
        return self._of_data.sub(MASK.encode(), data) if self.values else data

    def settled(self, data: bytes) -> int:
        """Return how much of output can be masked now, whatever comes after it.

        The rest of it is the beginning of a value, or may turn out to be.
        """
        if not self.values:
            return len(data)
        cut = len(data) - max(_overlap(data, value) for value in self._encoded)
        return next((end for start, end in self._places(data) if start < cut < end), cut)

    def failure(self, failure: Failure) -> Failure:
        """Return an exception without the values in its message."""
        return replace(failure, message=self.text(failure.message))

    def _places(self, data: bytes) -> Iterator[tuple[int, int]]:
        return (found.span() for found in self._of_data.finditer(data))

    @cached_property
    def _encoded(self) -> tuple[bytes, ...]:
        return tuple(value.encode() for value in self.values)

    @cached_property
    def _of_text(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self.values)))

    @cached_property
    def _of_data(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(map(re.escape, self._encoded)))


def _overlap(data: bytes, value: bytes) -> int:
    """Return how many bytes at the end of output are the beginning, and not all, of a value."""
    most = min(len(data), len(value) - 1)
    return next((size for size in range(most, 0, -1) if data.endswith(value[:size])), 0)


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
