"""A push, as GitHub, GitLab, Gitea and Bitbucket tell of it: who says so, and which branch it is about.

Everything in a push but its proof is a hint. Which repository is read, what is deployed and
where comes from the stored configuration, the commit from the repository itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.errors import GitSourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.types import Json

Provider = Literal["github", "gitlab", "gitea", "bitbucket"]

MAX_BODY = 25 * 1024 * 1024
_NOTHING = "0"


@dataclass(frozen=True)
class Push:
    """What a delivery is about.

    Parameters
    ----------
    provider : {"github", "gitlab", "gitea", "bitbucket"}
    delivery : str
        What the git host calls this delivery; the same for one that it sends again.
    branches : tuple of str
        The branches that got new commits.
    ignored : str
        Why there is nothing to do, as a sentence; empty where there is something.
    """

    provider: Provider
    delivery: str
    branches: tuple[str, ...] = ()
    ignored: str = ""


def read_push(headers: Mapping[str, str], body: bytes, secret: str) -> Push:
    """Verify a delivery and read it.

    Parameters
    ----------
    headers : mapping of str to str
        Of the HTTP request, their names in any case.
    body : bytes
        The raw body, exactly as it was sent.
    secret : str
        What the git host was given for this webhook.

    Raises
    ------
    GitSourceError
        If the delivery is not proven to come from who knows the secret, or is not a delivery.
    """
    named = {name.lower(): value for name, value in headers.items()}
    if not secret:
        raise GitSourceError("The configuration has no 'webhook_secret'. Set the git host's in it.")
    if len(body) > MAX_BODY:
        raise GitSourceError(f"The delivery is larger than {MAX_BODY // (1024 * 1024)} MB.")
    provider = _provider(named)
    if not _proven(provider, named, body, secret):
        raise GitSourceError(
            "The delivery is not signed with this configuration's 'webhook_secret', so it is refused. If the "
            "git host did send it, set the same secret there and here."
        )
    push = _READERS[provider](named, _payload(body))
    return push if push.delivery else replace(push, delivery=hashlib.sha256(body).hexdigest())


def _provider(headers: Mapping[str, str]) -> Provider:
    # Gitea also sends GitHub's headers, so that it is asked for first.
    if "x-gitea-event" in headers or "x-forgejo-event" in headers:
        return "gitea"
    if "x-gitlab-event" in headers:
        return "gitlab"
    if "x-event-key" in headers:
        return "bitbucket"
    if "x-github-event" in headers:
        return "github"
    raise GitSourceError(
        "The request is not a delivery of GitHub, GitLab, Gitea or Bitbucket: it has no event header."
    )


def _proven(provider: Provider, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Compare in constant time what the delivery says with what only the secret's owner can say."""
    if provider == "gitlab":
        return _same(headers.get("x-gitlab-token", ""), secret)
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if provider == "gitea" and "x-gitea-signature" in headers:
        return _same(headers["x-gitea-signature"], expected)
    name = "x-hub-signature" if provider == "bitbucket" else "x-hub-signature-256"
    return _same(headers.get(name, ""), f"sha256={expected}")


def _same(said: str, expected: str) -> bool:
    return hmac.compare_digest(said.encode(), expected.encode())


def _payload(body: bytes) -> dict[str, Json]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise GitSourceError(
            "The delivery's body is not JSON. Set the webhook's content type to application/json."
        )
    return payload


def _ref_push(provider: Provider, delivery: str, payload: dict[str, Json]) -> Push:
    """Read the push of one ref, as all but Bitbucket tell it."""
    ref, after = payload.get("ref"), payload.get("after")
    if not isinstance(ref, str) or not isinstance(after, str):
        raise GitSourceError(
            "The delivery is a push without 'ref' and 'after'. Send it as the git host does."
        )
    if not ref.startswith("refs/heads/"):
        return Push(provider, delivery, ignored=f"{ref[:100]} is not a branch, so nothing was done.")
    branch = ref[len("refs/heads/") :]
    if payload.get("deleted") is True or not after.strip(_NOTHING):
        return Push(
            provider, delivery, ignored=f"The branch {branch[:100]} was deleted, so nothing was done."
        )
    return Push(provider, delivery, (branch,))


def _github(headers: Mapping[str, str], payload: dict[str, Json]) -> Push:
    return _by_event(
        "github", headers.get("x-github-event", ""), headers.get("x-github-delivery", ""), payload
    )


def _gitea(headers: Mapping[str, str], payload: dict[str, Json]) -> Push:
    event = headers.get("x-gitea-event") or headers.get("x-forgejo-event", "")
    delivery = headers.get("x-gitea-delivery") or headers.get("x-forgejo-delivery", "")
    return _by_event("gitea", event, delivery, payload)


def _by_event(provider: Provider, event: str, delivery: str, payload: dict[str, Json]) -> Push:
    if event == "ping":
        return Push(provider, delivery, ignored="pong")
    return _ref_push(provider, delivery, payload) if event == "push" else _no_push(provider, delivery, event)


def _no_push(provider: Provider, delivery: str, event: str) -> Push:
    return Push(provider, delivery, ignored=f"The event {event[:50]!r} is not a push, so nothing was done.")


def _gitlab(headers: Mapping[str, str], payload: dict[str, Json]) -> Push:
    event = headers.get("x-gitlab-event", "")
    delivery = headers.get("idempotency-key") or headers.get("x-gitlab-event-uuid", "")
    if event not in {"Push Hook", "Tag Push Hook", "System Hook"}:
        return _no_push("gitlab", delivery, event)
    return _ref_push("gitlab", delivery, payload)


def _bitbucket(headers: Mapping[str, str], payload: dict[str, Json]) -> Push:
    event = headers.get("x-event-key", "")
    delivery = headers.get("x-request-uuid") or headers.get("x-request-id", "")
    if event == "diagnostics:ping":
        return Push("bitbucket", delivery, ignored="pong")
    if event == "repo:push":
        pushed = payload.get("push")
        changes = pushed.get("changes") if isinstance(pushed, dict) else None
        return _bitbucket_push(delivery, [_cloud_branch(item) for item in _dicts(changes)])
    if event == "repo:refs_changed":
        return _bitbucket_push(delivery, [_server_branch(item) for item in _dicts(payload.get("changes"))])
    return _no_push("bitbucket", delivery, event)


def _bitbucket_push(delivery: str, branches: list[str | None]) -> Push:
    named = tuple(dict.fromkeys(branch for branch in branches if branch))
    ignored = "" if named else "The push has no branch with new commits, so nothing was done."
    return Push("bitbucket", delivery, named, ignored)


def _cloud_branch(change: dict[str, Json]) -> str | None:
    new = change.get("new")
    if not isinstance(new, dict) or new.get("type") not in {"branch", "named_branch"}:
        return None
    return str(new.get("name"))


def _server_branch(change: dict[str, Json]) -> str | None:
    ref = change.get("ref")
    if not isinstance(ref, dict) or ref.get("type") != "BRANCH" or change.get("type") == "DELETE":
        return None
    return str(ref.get("displayId"))


def _dicts(value: Json) -> list[dict[str, Json]]:
    if not isinstance(value, list):
        raise GitSourceError("The delivery is a push without 'changes'. Send it as the git host does.")
    return [item for item in value if isinstance(item, dict)]


_READERS = {"github": _github, "gitlab": _gitlab, "gitea": _gitea, "bitbucket": _bitbucket}
