"""A proxy that is in the way: it refuses, breaks connections, and loses answers of what was done."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

FAULTS = ("429", "500", "502", "reset", "lost", "lost with 502", "half")
"""What goes wrong: the last three do what was asked, and drop the answer or a part of it."""
DONE = ("lost", "lost with 502", "half")
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Way:
    """The proxy, while it is there.

    Parameters
    ----------
    rate : float
        The share of requests that go wrong; it may be changed at any time.
    seed : int
        Of what goes wrong: the n-th request has the same fault each time.
    only : tuple of str
        The faults that there are.
    to : str
        The server, once its address is known.
    url : str
        The proxy's own address.
    """

    rate: float
    seed: int
    only: tuple[str, ...] = FAULTS
    to: str = ""
    url: str = ""
    faults: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._drawn = random.Random(f"flaky {self.seed}")

    def fault(self, method: str) -> str:
        """Return what goes wrong with the next request, or nothing."""
        with self._lock:
            self.asked[method] += 1
            wrong, what = self._drawn.random() < self.rate, self._drawn.choice(self.only)
            if not wrong:
                return ""
            self.faults[what] += 1
            return what


@contextmanager
def flaky_way(
    rate: float, seed: int, to: str = "", only: tuple[str, ...] = FAULTS, port: int = 0
) -> Iterator[Way]:
    """Stand on a port of this machine, a free one by default, between whoever asks there and a server."""
    way = Way(rate, seed, only, to)

    class Handler(_Handler):
        there = way

    proxy = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    proxy.daemon_threads = True
    proxy.block_on_close = False
    way.url = f"http://127.0.0.1:{proxy.server_port}"
    thread = threading.Thread(target=proxy.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield way
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    there: Way

    def handle_any(self) -> None:
        fault = self.there.fault(self.command)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if fault.isdigit():
            self._say(int(fault), b"a fault on the way", {"Retry-After": "1"} if fault == "429" else {})
        elif fault == "reset":
            self._reset()
        else:
            self._hand_on(body, fault)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = handle_any  # noqa: N815

    def _hand_on(self, body: bytes, fault: str) -> None:
        try:
            status, content, headers = self._ask(body)
        except (OSError, HTTPException):
            self._reset()
            return
        if fault == "lost":
            self._reset()
        elif fault == "lost with 502":
            self._say(502, b"the answer was lost on the way", {})
        else:
            self._say(status, content, headers, half=fault == "half")

    def _ask(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        where = urlsplit(self.there.to)
        connection = HTTPConnection(where.hostname or "", where.port, timeout=120)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            connection.request(self.command, self.path, body or None, {**headers, "Host": where.netloc})
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
            return answer.status, answer.read(), kept
        finally:
            connection.close()

    def _say(self, status: int, content: bytes, headers: dict[str, str], *, half: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if half else content)
        if half:
            self.wfile.flush()
            self._reset()

    def _reset(self) -> None:
        """End the connection with an RST, as what dies in the middle does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):  # the connection was ended by `_reset`, or by the other side
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass
