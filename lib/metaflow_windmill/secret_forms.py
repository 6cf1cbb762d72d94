"""The forms in which a secret travels: as it is, URL-encoded, in JSON, in hexadecimal and in base64."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator


def forms_of(secret: str, shortest: int) -> Iterator[str]:
    """Go through the forms of a secret; through none where hiding it would hide too much else.

    Parameters
    ----------
    secret : str
    shortest : int
        Characters that a form has at least.
    """
    if len(secret) < shortest:
        return
    yield secret
    yield from {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    yield from {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    raw = secret.encode()
    yield raw.hex()
    for offset in range(3):
        inside = _within_base64(raw, offset)
        if len(inside) >= shortest:
            yield from {inside, inside.replace("+", "-").replace("/", "_"), quote(inside, safe="")}


def _within_base64(raw: bytes, offset: int) -> str:
    """Return the characters that stand for these bytes alone in base64, where they begin at this offset.

    Six bits make a character, so the first and the last one may hold bits of the neighbours.
    """
    encoded = base64.b64encode(b"\0" * offset + raw).decode()
    first = -(-offset * 8 // 6)
    last = (offset + len(raw)) * 8 // 6
    return encoded[first:last]
