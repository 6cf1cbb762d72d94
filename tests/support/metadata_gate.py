"""A way in to a metadata service: an address that may ask for a header and that remembers who came."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, TypeAlias

import requests
from tests.support.metadata_service import VERSION, Answer
from tests.support.reachable import reachable

Ask: TypeAlias = Callable[[str, str, Any], Answer]


@dataclass
class Gate:
    """An address of a service.

    Parameters
    ----------
    ask : callable
        Answers a method, a path and a body.
    demands : mapping
        The headers without which nobody is let in.
    version : str
        That of the service, for each answer.
    """

    ask: Ask
    demands: Mapping[str, str] = field(default_factory=dict)
    version: str | None = VERSION
    url: str = ""
    seen: list[str] = field(default_factory=list)

    def count(self, start: str) -> int:
        """Return how many requests, each a method and a path, begin with some text."""
        return sum(request.startswith(start) for request in self.seen)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Answer:
        """Let a request through, or not."""
        self.seen.append(f"{method} {path}")
        if any(headers.get(name.lower()) != value for name, value in self.demands.items()):
            return 403, {"message": "Forbidden"}
        return self.ask(method, path, body)


@contextmanager
def open_gate(gate: Gate) -> Iterator[Gate]:
    """Serve a gate on a free port of this machine."""
    server = ThreadingHTTPServer((reachable(), 0), _handler(gate))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    gate.url = f"http://{reachable()}:{server.server_port}"
    try:
        yield gate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def elsewhere(address: str) -> Ask:
    """Answer as a service at another address does."""

    def ask(method: str, path: str, body: Any) -> Answer:
        answer = requests.request(method, address + path, json=body, timeout=60)
        return answer.status_code, _json(answer)

    return ask


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._do()

        def do_POST(self) -> None:
            self._do()

        def do_PATCH(self) -> None:
            self._do()

        def _do(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(text) if text else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = gate.answer(self.command, self.path, headers, body)
            content = json.dumps(said).encode()
            self.send_response(status)
            if gate.version:
                self.send_header("METADATA_SERVICE_VERSION", gate.version)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
