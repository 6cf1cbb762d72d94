"""The shapes of answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def as_json(value: Json, status: int = 200) -> Response:
    """Answer with JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json")


def as_text(text: str, status: int = 200) -> Response:
    """Answer with plain text."""
    return Response(text, status, media_type="text/plain")
