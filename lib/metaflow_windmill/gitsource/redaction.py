"""Takes secrets out of every text that is printed, raised or returned, in the forms in which they travel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metaflow_windmill.secret_forms import forms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaflow_windmill.types import Json

HIDDEN = "***"
SHORTEST = 4
"""Shorter secrets are left alone: hiding each 'a' of a text would hide the text."""

_USER_INFORMATION = re.compile(r"(?<=://)[^/\s@'\"]+@")
_AUTHORIZATION = re.compile(r"(?i)(authorization:\s*(?:basic|bearer|token)\s+)[^\s'\"]+")


class Redactor:
    """Replaces secrets by ``***``: as they are, URL-encoded, in JSON, in hexadecimal and in base64.

    A secret inside a longer base64 text, such as ``user:secret``, is found at each of its
    three possible offsets. Logins in URLs and authorization headers go whether known or not.

    Parameters
    ----------
    secrets : iterable of str
        Texts of several lines (keys) are also hidden line by line.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for part in _parts(secret) for form in forms_of(part, SHORTEST)}
        longest_first = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = _USER_INFORMATION.sub(f"{HIDDEN}@", text)
        return _AUTHORIZATION.sub(rf"\1{HIDDEN}", text)

    def json(self, value: Json) -> Json:
        """Return a JSON value with secrets taken out of each text in it, keys too."""
        if isinstance(value, dict):
            return {self.text(str(key)): self.json(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.json(item) for item in value]
        return self.text(value) if isinstance(value, str) else value


def _parts(secret: str) -> Iterator[str]:
    if len(secret.strip()) < SHORTEST:
        return
    yield secret
    yield secret.strip()
    if "\n" in secret.strip():
        yield from (line.strip() for line in secret.splitlines() if not line.startswith("-----"))
