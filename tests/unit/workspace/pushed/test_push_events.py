from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from metaflow_windmill.errors import GitSourceError
from metaflow_windmill.workspace.pushed.push_events import read_push

SECRET = "shared secret"
SHA = "a" * 40
NONE = "0" * 40


def sign(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(body: bytes, event: str = "push", secret: str = SECRET) -> dict[str, str]:
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "d-1",
        "X-Hub-Signature-256": f"sha256={sign(body, secret)}",
    }


def gitea(body: bytes, event: str = "push", secret: str = SECRET) -> dict[str, str]:
    return {
        "x-gitea-event": event,
        "x-gitea-delivery": "d-2",
        "x-gitea-signature": sign(body, secret),
        "x-github-event": event,
    }


def gitlab(body: bytes, event: str = "Push Hook", secret: str = SECRET) -> dict[str, str]:
    return {"X-Gitlab-Event": event, "X-Gitlab-Event-UUID": "d-3", "X-Gitlab-Token": secret}


def bitbucket(body: bytes, event: str = "repo:push", secret: str = SECRET) -> dict[str, str]:
    return {"X-Event-Key": event, "X-Request-UUID": "d-4", "X-Hub-Signature": f"sha256={sign(body, secret)}"}


def encoded(payload: Any) -> bytes:
    return json.dumps(payload).encode()


PUSH = encoded({"ref": "refs/heads/main", "after": SHA})
CLOUD = encoded({"push": {"changes": [{"new": {"type": "branch", "name": "main", "target": {"hash": SHA}}}]}})
SERVER = encoded(
    {"changes": [{"ref": {"type": "BRANCH", "displayId": "main"}, "type": "UPDATE", "toHash": SHA}]}
)
HOSTS = [(github, PUSH, "push"), (gitea, PUSH, "push"), (gitlab, PUSH, "Push Hook")]
HOSTS += [(bitbucket, CLOUD, "repo:push"), (bitbucket, SERVER, "repo:refs_changed")]


@pytest.mark.parametrize(("host", "body", "event"), HOSTS)
def test_a_push(host: Any, body: bytes, event: str) -> None:
    push = read_push(host(body, event), body, SECRET)
    assert push.provider == host.__name__
    assert push.branches == ("main",)
    assert push.delivery.startswith("d-")
    assert push.ignored == ""


@pytest.mark.parametrize(("host", "body", "event"), HOSTS)
def test_a_forged_signature(host: Any, body: bytes, event: str) -> None:
    for forged in (
        host(body, event, "another secret"),
        {k: v for k, v in host(body, event).items() if "ignature" not in k and "oken" not in k},
    ):
        with pytest.raises(GitSourceError, match="not signed"):
            read_push(forged, body, SECRET)


@pytest.mark.parametrize(("host", "body", "event"), [row for row in HOSTS if row[0] is not gitlab])
def test_one_changed_byte_is_enough(host: Any, body: bytes, event: str) -> None:
    with pytest.raises(GitSourceError, match="not signed"):
        read_push(host(body, event), body + b" ", SECRET)


@pytest.mark.parametrize("signature", ["", "sha256=", "sha1=" + "0" * 40, "sha256=" + "0" * 64, "ümlaut"])
def test_signatures_that_are_none(signature: str) -> None:
    headers = {"x-github-event": "push", "x-hub-signature-256": signature}
    with pytest.raises(GitSourceError, match="not signed"):
        read_push(headers, PUSH, SECRET)


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(GitSourceError, match="no 'webhook_secret'"):
        read_push(github(PUSH, secret=""), PUSH, "")


@pytest.mark.parametrize(
    ("host", "body", "event"),
    [(github, b"{}", "ping"), (gitea, b"{}", "ping"), (bitbucket, b'{"test": true}', "diagnostics:ping")],
)
def test_a_ping_is_answered(host: Any, body: bytes, event: str) -> None:
    assert read_push(host(body, event), body, SECRET).ignored == "pong"


@pytest.mark.parametrize(
    ("host", "payload", "event", "word"),
    [
        (github, {"ref": "refs/tags/v1", "after": SHA}, "push", "not a branch"),
        (github, {"ref": "refs/heads/x", "after": SHA, "deleted": True}, "push", "deleted"),
        (gitea, {"ref": "refs/heads/x", "after": NONE}, "push", "deleted"),
        (gitlab, {"ref": "refs/heads/x", "after": NONE}, "Push Hook", "deleted"),
        (gitlab, {"ref": "refs/tags/v1", "after": SHA}, "Tag Push Hook", "not a branch"),
        (gitlab, {}, "Issue Hook", "not a push"),
        (github, {}, "issues", "not a push"),
        (bitbucket, {}, "pullrequest:created", "not a push"),
        (bitbucket, {"push": {"changes": [{"new": None, "old": {"name": "x"}}]}}, "repo:push", "no branch"),
        (
            bitbucket,
            {"push": {"changes": [{"new": {"type": "tag", "name": "v1"}}]}},
            "repo:push",
            "no branch",
        ),
        (
            bitbucket,
            {"changes": [{"ref": {"type": "BRANCH", "displayId": "x"}, "type": "DELETE"}]},
            "repo:refs_changed",
            "no branch",
        ),
    ],
)
def test_what_is_ignored_is_ignored_with_a_word_why(host: Any, payload: Any, event: str, word: str) -> None:
    body = encoded(payload)
    push = read_push(host(body, event), body, SECRET)
    assert push.branches == ()
    assert word in push.ignored


def test_several_branches_in_one_push() -> None:
    changes = [{"new": {"type": "branch", "name": name}} for name in ("main", "dev", "main")]
    body = encoded({"push": {"changes": changes}})
    assert read_push(bitbucket(body), body, SECRET).branches == ("main", "dev")


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (b"payload=%7B%7D", "push"),
        (b"[]", "push"),
        (b"{", "push"),
        (b"[" * 100_000, "push"),
        (b'{"ref": 1, "after": 2}', "push"),
        (b"{}", "push"),
    ],
)
def test_a_body_that_is_no_push(body: bytes, event: str) -> None:
    with pytest.raises(GitSourceError, match=r"application/json|without 'ref'"):
        read_push(github(body, event), body, SECRET)


def test_a_request_of_nobody_known() -> None:
    with pytest.raises(GitSourceError, match="not a delivery"):
        read_push({"content-type": "application/json"}, PUSH, SECRET)


def test_a_delivery_without_a_name_is_named_by_its_bytes() -> None:
    headers = {k: v for k, v in gitlab(PUSH).items() if "UUID" not in k}
    assert read_push(headers, PUSH, SECRET).delivery == hashlib.sha256(PUSH).hexdigest()
    assert read_push(headers, PUSH, SECRET) == read_push(headers, PUSH, SECRET)
