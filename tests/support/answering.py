"""A transport that answers by a table: for refusals and rights that the embedded server never shows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from metaflow_windmill.client.transport import Request, Response
from metaflow_windmill.client.windmill import Windmill


@dataclass
class Answering:
    """Answers each ``METHOD /path`` (below the workspace, or from the root with a second slash) as told.

    An answer is a JSON value, a `Response`, an exception to raise, or a list of these to be used
    up one by one.
    """

    answers: dict[str, Any]
    asked: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        path = request.path.removeprefix("/w/admins")
        answer = self.answers.get(f"{request.method} {path}", Response(404, b"Not found: nothing"))
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else Response(200, json.dumps(answer).encode())

    @property
    def lines(self) -> list[str]:
        """What was asked, without the workspace."""
        return [f"{request.method} {request.path.removeprefix('/w/admins')}" for request in self.asked]

    @property
    def windmill(self) -> Windmill:
        return Windmill(self, "admins")


def whoami(**values: Any) -> dict[str, Any]:
    """Who a token belongs to, as Windmill tells it."""
    return {"username": "alice", "email": "alice@example.com", "folders": [], **values}
