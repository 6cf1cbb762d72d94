"""How a caller of an HTTP trigger shows who it is: by a signature, a key, or a name and a password."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple

from metaflow_windmill.devserver.refusals import bad_request, unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.types import Json

ALGORITHMS = ("sha1", "sha256", "sha512")


class Scheme(NamedTuple):
    """Where a provider puts its signature and how it makes it."""

    header: str
    prefix: str = ""
    algorithm: str = "sha256"
    encoding: str = "hex"


GITHUB = Scheme("x-hub-signature-256", "sha256=")


def check_signature(resource: Json, headers: Mapping[str, str], body: bytes) -> None:
    """Check that whoever signed a body knows the secret.

    Parameters
    ----------
    resource : dict
        Of type ``signature_auth``: ``signature_provider`` (``Github`` or ``Custom``), ``secret_key``, and for
        ``Custom`` an ``authentication_config``.
    headers : mapping
        Names in lower case.
    body : bytes
        As it came.

    Raises
    ------
    RequestRefused
        401 if the signature is absent or wrong, 400 if the resource does not make sense.
    """
    scheme, secret = _scheme(resource), (resource or {}).get("secret_key")
    if not isinstance(secret, str) or not secret:
        raise bad_request("the resource of this trigger's authentication has no secret_key")
    given = headers.get(scheme.header, "")
    wanted = scheme.prefix + signature(scheme, secret, body)
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise unauthorized("the signature of the request is absent or wrong")


def signature(scheme: Scheme, secret: str, body: bytes) -> str:
    """Return the signature of a body, without its prefix."""
    digest = hmac.new(secret.encode(), body, getattr(hashlib, scheme.algorithm)).digest()
    if scheme.encoding == "hex":
        return digest.hex()
    encode = base64.b64encode if scheme.encoding == "base64" else base64.urlsafe_b64encode
    return encode(digest).decode()


def check_key(resource: Json, headers: Mapping[str, str]) -> None:
    """Check a key in a header: resource of ``api_key_header`` and ``api_key_secret``.

    Raises
    ------
    RequestRefused
        401 if it is absent or wrong.
    """
    name, secret = str((resource or {}).get("api_key_header", "")), (resource or {}).get("api_key_secret")
    if not secret or not hmac.compare_digest(headers.get(name.lower(), "").encode(), str(secret).encode()):
        raise unauthorized("the key of the request is absent or wrong")


def check_basic(resource: Json, headers: Mapping[str, str]) -> None:
    """Check a name and a password: resource of ``username`` and ``password``.

    Raises
    ------
    RequestRefused
        401 if they are absent or wrong.
    """
    wanted = f"{(resource or {}).get('username', '')}:{(resource or {}).get('password', '')}"
    header = f"Basic {base64.b64encode(wanted.encode()).decode()}"
    if wanted == ":" or not hmac.compare_digest(headers.get("authorization", "").encode(), header.encode()):
        raise unauthorized("the user name or the password of the request is absent or wrong")


def _scheme(resource: Json) -> Scheme:
    provider = (resource or {}).get("signature_provider")
    if provider == "Github":
        return GITHUB
    config = (resource or {}).get("authentication_config") or {}
    if provider != "Custom" or not config.get("signature_header_name"):
        raise bad_request(
            "signature_provider must be Github, or Custom with authentication_config.signature_header_name"
        )
    algorithm, encoding = config.get("algorithm", "sha256"), config.get("encoding", "hex")
    if algorithm not in ALGORITHMS or encoding not in ("hex", "base64", "base64uri"):
        raise bad_request(
            "authentication_config: algorithm is sha1, sha256 or sha512, encoding hex, base64 or base64uri"
        )
    return Scheme(
        config["signature_header_name"].lower(), config.get("signature_prefix") or "", algorithm, encoding
    )
