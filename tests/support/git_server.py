"""A git host on this machine: ``git http-backend`` behind TLS, with a login and a record of requests."""

from __future__ import annotations

import base64
import contextlib
import gzip
import os
import re
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.support.certificates import make_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass
class GitHost:
    """Where the host answers, and what it was asked.

    `token` and `redirect_to` may be changed while the server runs; without a token everybody may read
    and push. `on_push` is told of each branch that was pushed: its repository, name and commit.
    """

    url: str
    ca_certificates: str
    token: str | None = None
    redirect_to: str | None = None
    on_push: Callable[[str, str, str], None] | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@contextlib.contextmanager
def git_host(root: Path, scratch: Path, *, token: str | None = None) -> Iterator[GitHost]:
    """Serve the bare repositories under `root` at ``https://localhost:<port>/<name>``."""
    certificate = make_certificate(scratch)
    host = GitHost("", certificate.authority, token)

    class Handler(_Handler):
        served = host
        directory = root

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host.url = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: GitHost
    directory: Path
    protocol_version = "HTTP/1.1"  # keeps the connection: git wants its end to be said in TLS too

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        said = self.headers.get("Authorization")
        self.served.requests.append((self.path, said))
        if self.served.redirect_to is not None:
            self._send(301, {"Location": self.served.redirect_to + self.path})
        elif self.served.token is not None and not _is_login(said, self.served.token):
            self._send(401, {"WWW-Authenticate": 'Basic realm="git"'})
        else:
            self._ask_git()

    def _ask_git(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self._chunks()
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.directory),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "http.receivepack",
            "GIT_CONFIG_VALUE_1": "true",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
        }
        done = subprocess.run(
            ["git", "http-backend"], env=environment, input=body, capture_output=True, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self._send(int(fields.pop("Status", "200").split()[0]), fields, content)
        if url.path.endswith("/git-receive-pack") and self.command == "POST":
            self._tell_of_push(url.path.split("/")[1], body)

    def _tell_of_push(self, name: str, body: bytes) -> None:
        """Tell of the branches in a push: its body begins with lines of old commit, new commit and ref."""
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        lines = body.partition(b"0000PACK")[0].split(b"\0")[0].decode()
        for _, new, ref in re.findall(r"([0-9a-f]{40}) ([0-9a-f]{40}) (refs/heads/\S+)", lines):
            if self.served.on_push is not None:
                self.served.on_push(name, ref, new)

    def _send(self, status: int, fields: dict[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _chunks(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return b""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body


def _is_login(said: str | None, token: str) -> bool:
    return said is not None and base64.b64decode(said.split()[-1]).decode().endswith(f":{token}")
