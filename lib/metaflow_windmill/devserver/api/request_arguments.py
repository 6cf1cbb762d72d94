"""From the body of a request to the arguments of a run, or to the event that a preprocessor takes."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from metaflow_windmill.devserver.refusals import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.types import Json

CREDENTIALS = frozenset({"authorization", "cookie"})
"""Headers of a webhook that carry the caller's token; they are not kept with the job."""


@dataclass(frozen=True)
class Payload:
    """What a body says.

    Parameters
    ----------
    body : JSON value
        Of a JSON or form body; an empty object otherwise.
    raw : str or None
        The text of the body: of one that is neither JSON nor a form, and of every one where it was asked for.
    """

    body: Json
    raw: str | None = None

    @property
    def arguments(self) -> dict[str, Json]:
        """The body as arguments: a value that is not an object becomes the argument ``body``."""
        return dict(self.body) if isinstance(self.body, dict) else {"body": self.body}


def read_payload(body: bytes, content_type: str, *, keep_raw: bool = False) -> Payload:
    """Read a body as its content type says.

    Raises
    ------
    RequestRefused
        400 if it is not what its type says, or is of a type that a real server needs an object store for.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("", "application/json"):
        return Payload(_json(body), _text(body) if keep_raw else None)
    if kind == "application/x-www-form-urlencoded":
        form = dict(parse_qsl(_text(body), keep_blank_values=True))
        return Payload(form, _text(body) if keep_raw else None)
    if kind == "multipart/form-data":
        raise bad_request(
            "multipart/form-data needs an object store, which the embedded server does not have"
        )
    return Payload({}, _text_or_base64(body))


def main_arguments(payload: Payload, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Json]:
    """Return the arguments of a run without a preprocessor.

    The query may ask for more: ``include_header`` and ``include_query`` name headers and parameters,
    ``wrap_body`` puts the body under one argument.
    """
    extra: dict[str, Json] = {
        name.lower().replace("-", "_"): headers[name]
        for name in _names(query.get("include_header"))
        if name in headers
    }
    extra |= {name: query[name] for name in _names(query.get("include_query")) if name in query}
    if payload.raw is not None:
        extra["raw_string"] = payload.raw
    body = {"body": payload.body} if query.get("wrap_body") == "true" else payload.arguments
    return {**body, **extra}


def webhook_event(payload: Payload, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Json]:
    """Return the event that a webhook brings to a preprocessor; the caller's own token is left out."""
    return {
        "kind": "webhook",
        "body": payload.body,
        "raw_string": payload.raw,
        "headers": {name: value for name, value in headers.items() if name not in CREDENTIALS},
        "query": {name: value for name, value in query.items() if name != "token"},
    }


def query_payload(text: str | None) -> dict[str, Json]:
    """Return the arguments that a GET request brings: base64 of a JSON object, in the parameter ``payload``.

    Raises
    ------
    RequestRefused
        400 if it is not that.
    """
    if text is None:
        return {}
    try:
        padded = text.replace(" ", "+") + "=" * (-len(text) % 4)
        read = json.loads(base64.b64decode(padded, altchars=b"-_" if {"-", "_"} & set(text) else None))
    except (ValueError, binascii.Error) as fault:
        raise bad_request("payload must be a JSON object in base64") from fault
    if not isinstance(read, dict):
        raise bad_request("payload must be a JSON object in base64")
    return read


def _json(body: bytes) -> Json:
    if not body:
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise bad_request(f"invalid json: {fault}") from fault


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as fault:
        raise bad_request(f"invalid utf8: {fault}") from fault


def _text_or_base64(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()


def _names(listed: str | None) -> list[str]:
    return [name.strip() for name in (listed or "").split(",") if name.strip()]
