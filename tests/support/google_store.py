"""Google Cloud Storage on this machine: an emulator that wants a token, and who gives it for a key."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import threading
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import requests
from gcp_storage_emulator.handlers import buckets
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json

BUCKET = "flows"
_ACCOUNT = "tester@tests.iam.gserviceaccount.com"


@dataclass(frozen=True)
class GoogleStore:
    """Where objects are, and the key of an account that may see them, as Google hands it out."""

    address: str
    key: dict[str, Json]
    token: str

    @property
    def public(self) -> dict[str, str]:
        """What Google's library needs to know besides the key."""
        return {"STORAGE_EMULATOR_HOST": self.address}

    def names(self) -> str:
        """Return the names of all objects, in JSON."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.get(f"{self.address}/storage/v1/b/{BUCKET}/o", headers=headers, timeout=30).text


@contextlib.contextmanager
def google_store() -> Iterator[GoogleStore]:
    """Serve an empty bucket on a free port."""
    token, storage, private = secrets.token_hex(), Storage(use_memory_fs=True), _private_key()
    buckets.create_bucket(BUCKET, storage)

    class Guarded(RequestHandler):  # type: ignore[misc]  # the emulator has no types
        """Answers those who have the token."""

        def parse_request(self) -> bool:
            known = super().parse_request()
            if known and self.headers["Authorization"] != f"Bearer {token}":
                self.send_error(401, "there is no valid token")
                return False
            return bool(known)

    class Named(_Accounts):
        given, public = token, private.public_key()

    objects = HTTPServer(("127.0.0.1", 0), partial(Guarded, storage))
    with _serving(objects) as address, _serving(ThreadingHTTPServer(("127.0.0.1", 0), Named)) as accounts:
        yield GoogleStore(address, _account_key(private, f"{accounts}/token"), token)


@contextlib.contextmanager
def _serving(server: HTTPServer) -> Iterator[str]:
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Accounts(BaseHTTPRequestHandler):
    """Gives the token to whoever proves to have the account's key."""

    given: str
    public: Any

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass

    def do_POST(self) -> None:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        said, _, signature = form["assertion"][0].rpartition(".")
        self.public.verify(_decoded(signature), said.encode(), PKCS1v15(), hashes.SHA256())
        assert json.loads(_decoded(said.partition(".")[2]))["iss"] == _ACCOUNT
        answer = {"access_token": self.given, "expires_in": 3600, "token_type": "Bearer"}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _private_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _account_key(private: Any, token_uri: str) -> dict[str, Json]:
    from cryptography.hazmat.primitives import serialization as form

    text = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
    return {
        "type": "service_account",
        "project_id": "tests",
        "private_key_id": "1",
        "private_key": text,
        "client_email": _ACCOUNT,
        "client_id": "1",
        "token_uri": token_uri,
    }
