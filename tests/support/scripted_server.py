"""A real HTTP server whose next answers a test writes down: faults that no good server makes on purpose."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.support.reachable import reachable

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Answer:
    """What the server says to one request; with `drop` it hangs up, with `stall` it says nothing at all."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    stall: bool = False


@dataclass(frozen=True)
class Seen:
    """What the server was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Script:
    """The answers to come and the requests that came."""

    answers: list[Answer]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    open: int = 0
    """Connections that neither side has ended."""

    def next(self) -> Answer:
        return self.answers.pop(0) if self.answers else Answer(500, "the script is at its end")


def answer(value: Any = None, status: int = 200, **headers: str) -> Answer:
    """An answer with a JSON value."""
    return Answer(status, json.dumps(value), headers)


@contextmanager
def scripted_server(*answers: Answer, keep: bool = False, host: str | None = None) -> Iterator[Script]:
    """Serve the answers in order, on a free port of this machine; `keep` leaves connections open for more."""
    script, host = Script(list(answers)), host or reachable()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keep else "HTTP/1.0"

        def handle(self) -> None:
            script.open += 1
            try:
                super().handle()
            finally:
                script.open -= 1

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.seen.append(Seen(self.command, self.path, headers, body))
            said = script.next()
            if said.stall:
                script.over.wait(10)
            if said.drop or said.stall:
                self.close_connection = True
                return
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(said.body.encode())))
            self.end_headers()
            self.wfile.write(said.body.encode())

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    script.url = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
