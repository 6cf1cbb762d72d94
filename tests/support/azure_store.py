"""Azure Blob Storage on this machine: azurite, behind TLS, and an authority that gives out its tokens."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import requests
from tests.support.certificates import make_certificate
from tests.support.oracle import ROOT
from tests.support.server import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.certificates import Certificate

    from metaflow_windmill.types import Json

AZURITE = ROOT / ".azurite/node_modules/.bin/azurite-blob"
CONTAINER = "flows"
CLIENT, SECRET = "the-client", "the-secret-that-nobody-sees"
_TENANT = "adfs"  # the one that Azure's library does not look up in the cloud first
_VERSION = {"x-ms-version": "2023-11-03"}


@dataclass(frozen=True)
class AzureStore:
    """Where blobs are, who says who may see them, and the file by which both are trusted."""

    endpoint: str
    authority: str
    certificates: Path

    @property
    def public(self) -> dict[str, str]:
        """What Azure's library needs to know besides the secret."""
        return {
            "AZURE_TENANT_ID": _TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_AUTHORITY_HOST": self.authority,
            "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",  # and not also a cloud's machine
            "REQUESTS_CA_BUNDLE": str(self.certificates),
        }

    def ask(self, method: str, path: str) -> str:
        """Ask azurite; return the text of an answer that must be a success."""
        headers = {**_VERSION, "Authorization": f"Bearer {_token()}"}
        answer = requests.request(
            method, f"{self.endpoint}/{path}", headers=headers, verify=str(self.certificates), timeout=30
        )
        assert answer.ok, answer.text
        return answer.text

    def names(self) -> str:
        """Return the names of all blobs, in XML."""
        return self.ask("GET", f"{CONTAINER}?restype=container&comp=list")


@contextlib.contextmanager
def azure_store(folder: Path) -> Iterator[AzureStore]:
    """Serve an empty container on a free port."""
    certificate = make_certificate(folder)
    trusted = folder / "authority.pem"
    trusted.write_text(certificate.authority)
    with _azurite(folder, certificate) as endpoint, _authority(certificate) as authority:
        store = AzureStore(endpoint, authority, trusted)
        store.ask("PUT", f"{CONTAINER}?restype=container")
        yield store


@contextlib.contextmanager
def _azurite(folder: Path, certificate: Certificate) -> Iterator[str]:
    output = folder / "azurite.out"
    command = [str(AZURITE), "--blobPort", "0", "--inMemoryPersistence", "--oauth", "basic", "--silent"]
    command += ["--cert", str(certificate.chain), "--key", str(certificate.key)]
    command += ["--skipApiVersionCheck", "--disableProductStyleUrl", "--disableTelemetry"]
    with output.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: "successfully listens on" in output.read_text(), 60, "azurite did not start")
        port = output.read_text().partition("listens on ")[2].split()[0].rpartition(":")[2]
        yield f"https://localhost:{port}/devstoreaccount1"
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def _authority(certificate: Certificate) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Authority(BaseHTTPRequestHandler):
    """Gives a token for a client's secret, as an authority of OAuth 2 does."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass

    def do_GET(self) -> None:
        here = f"https://localhost:{self.connection.getsockname()[1]}/{_TENANT}"
        found = {
            "issuer": here,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
        }
        self._answer(200 if self.path.endswith("openid-configuration") else 404, found)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if (form["client_id"], form.get("client_secret")) == ([CLIENT], [SECRET]):
            self._answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": _token()})
        else:
            self._answer(401, {"error": "invalid_client", "error_description": "unknown client or secret"})

    def _answer(self, status: int, body: Json) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _token() -> str:
    """Return a token that azurite takes: it reads what it says, and leaves its signature alone."""
    now = int(time.time())
    said = {"iss": "https://sts.windows.net/tests/", "aud": "https://storage.azure.com"}
    parts = [{"typ": "JWT", "alg": "HS256"}, {**said, "iat": now, "nbf": now - 60, "exp": now + 3600}]
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join((*encoded, "c2lnbmVk"))
