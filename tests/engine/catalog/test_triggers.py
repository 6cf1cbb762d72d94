"""HTTP triggers: which one a request meets, and how its caller is checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pytest

from metaflow_windmill.devserver.catalog import triggers
from metaflow_windmill.devserver.catalog.signatures import check_basic, check_key, check_signature
from metaflow_windmill.errors import RequestRefused

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.model import Actor

BODY = b'{"ref": "refs/heads/main"}'


def trigger(**more: Any) -> dict[str, Any]:
    return {
        "path": "f/a/push",
        "script_path": "f/a/hook",
        "is_flow": False,
        "route_path": "hooks/push",
        "http_method": "post",
        "request_type": "async",
        "authentication_method": "none",
        "workspaced_route": True,
        **more,
    }


def met(connection: sqlite3.Connection, route: str, method: str = "POST") -> str | None:
    found = triggers.find(connection, method, route)
    return None if found is None else found.path


def test_a_route_is_met_by_method_and_path(connection: sqlite3.Connection, who: Actor) -> None:
    triggers.create(connection, who, trigger())
    assert met(connection, "admins/hooks/push") == "f/a/push"
    assert met(connection, "admins/hooks/push/") == "f/a/push"
    assert met(connection, "admins/hooks/push", "GET") is None
    assert met(connection, "hooks/push") is None
    assert met(connection, "other/hooks/push") is None


def test_parameters_are_read_and_give_way_to_plain_routes(connection: sqlite3.Connection, who: Actor) -> None:
    triggers.create(connection, who, trigger(path="f/a/any", route_path="hooks/:name/x"))
    triggers.create(connection, who, trigger(path="f/a/one", route_path="hooks/one/x"))
    assert met(connection, "admins/hooks/one/x") == "f/a/one"
    found = triggers.find(connection, "post", "admins/hooks/two/x")
    assert found is not None
    assert (found.path, found.params) == ("f/a/any", {"name": "two"})


def test_a_trigger_that_is_off_is_not_met(connection: sqlite3.Connection, who: Actor) -> None:
    triggers.create(connection, who, trigger())
    triggers.set_mode(connection, "admins", "f/a/push", "disabled")
    assert met(connection, "admins/hooks/push") is None
    with pytest.raises(RequestRefused, match="mode must be one of"):
        triggers.set_mode(connection, "admins", "f/a/push", "nonsense")


def test_a_route_is_there_once(connection: sqlite3.Connection, who: Actor) -> None:
    triggers.create(connection, who, trigger(route_path="hooks/:a"))
    with pytest.raises(RequestRefused, match="already exists"):
        triggers.create(connection, who, trigger(path="f/a/two", route_path="hooks/:b"))
    triggers.create(connection, who, trigger(path="f/a/two", route_path="hooks/:b", http_method="put"))
    triggers.update(connection, who, "f/a/push", {"summary": "same route, and that is fine"})
    with pytest.raises(RequestRefused, match="already exists"):
        triggers.update(connection, who, "f/a/two", {"http_method": "post"})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"http_method": "brew"}, "http_method must be one of"),
        ({"request_type": "later"}, "request_type must be one of"),
        ({"authentication_method": "trust"}, "authentication_method must be one of"),
        ({"authentication_method": "signature"}, "needs authentication_resource_path"),
        ({"route_path": "/hooks"}, "route_path"),
        ({"path": "f/absent/x"}, "folder absent does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused(
    connection: sqlite3.Connection, who: Actor, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestRefused, match=message):
        triggers.create(connection, who, trigger(**more))


def github(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_githubs_signature() -> None:
    resource = {"signature_provider": "Github", "secret_key": "It's a Secret to Everybody"}
    # GitHub's own example of its documentation.
    known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    check_signature(resource, {"x-hub-signature-256": known}, b"Hello, World!")
    assert github("It's a Secret to Everybody", b"Hello, World!") == known


@pytest.mark.parametrize(
    ("algorithm", "encoding"),
    [("sha1", "hex"), ("sha256", "base64"), ("sha512", "base64uri")],
)
def test_a_custom_signature(algorithm: str, encoding: str) -> None:
    config = {"algorithm": algorithm, "encoding": encoding, "signature_header_name": "X-Sign"}
    resource = {"signature_provider": "Custom", "secret_key": "k", "authentication_config": config}
    digest = hmac.new(b"k", BODY, algorithm).digest()
    written = {
        "hex": digest.hex(),
        "base64": base64.b64encode(digest).decode(),
        "base64uri": base64.urlsafe_b64encode(digest).decode(),
    }[encoding]
    check_signature(resource, {"x-sign": written}, BODY)
    with pytest.raises(RequestRefused, match="absent or wrong"):
        check_signature(resource, {"x-sign": written}, BODY + b" ")


@pytest.mark.parametrize(
    "headers", [{}, {"x-hub-signature-256": ""}, {"x-hub-signature-256": github("other", BODY)}]
)
def test_a_wrong_signature_is_unauthorized(headers: dict[str, str]) -> None:
    with pytest.raises(RequestRefused) as refused:
        check_signature({"signature_provider": "Github", "secret_key": "k"}, headers, BODY)
    assert refused.value.status == 401


@pytest.mark.parametrize(
    "resource",
    [
        None,
        {"signature_provider": "Github"},
        {"signature_provider": "Nobody", "secret_key": "k"},
        {"signature_provider": "Custom", "secret_key": "k"},
        {
            "signature_provider": "Custom",
            "secret_key": "k",
            "authentication_config": {"signature_header_name": "x", "algorithm": "md5"},
        },
    ],
)
def test_a_resource_that_makes_no_sense_lets_nobody_in(resource: Any) -> None:
    with pytest.raises(RequestRefused):
        check_signature(resource, {"x-hub-signature-256": github("", BODY), "x": ""}, BODY)


def test_a_key_and_a_password() -> None:
    key = {"api_key_header": "X-Key", "api_key_secret": "k"}
    check_key(key, {"x-key": "k"})
    check_basic({"username": "u", "password": "p"}, {"authorization": "Basic dTpw"})
    for wrong in ({}, {"x-key": "K"}, {"x-key": ""}):
        with pytest.raises(RequestRefused):
            check_key(key, wrong)
    for resource in (None, {}, {"username": "u", "password": "q"}):
        with pytest.raises(RequestRefused):
            check_basic(resource, {"authorization": "Basic dTpw"})
    with pytest.raises(RequestRefused):
        check_key(None, {"": ""})
