"""The tokens that jobs act with: signed, never stored, and dead as soon as their job is."""

from __future__ import annotations

import base64
import hmac
import json
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog.tokens import Bearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.devserver.catalog.vault import Vault
    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.types import Json

MARK = "job_"


class JobTokens:
    """Makes and reads the tokens; each asks the store whether its job still lives, so it ends with the job.

    Parameters
    ----------
    vault : Vault
        Signs.
    is_live : callable
        Takes a job's id and tells whether the job has not ended yet.
    """

    def __init__(self, vault: Vault, is_live: Callable[[str], bool]) -> None:
        self._vault = vault
        self._is_live = is_live

    def issue(self, job_id: str, who: Actor) -> str:
        """Return the job's token: bound to its workspace, with no more rights than the identity has."""
        claims: dict[str, Json] = {
            "job": job_id,
            "user": who.username,
            "email": who.email,
            "workspace": who.workspace,
        }
        claims |= {} if who.is_admin else {"admin": False}
        claims |= {} if who.scopes is None else {"scopes": list(who.scopes)}
        text = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return f"{MARK}{text}.{self._vault.sign(text)}"

    def find(self, token: str) -> Bearer | None:
        """Return whom a job's token stands for; None if it is not genuine or its job has ended."""
        text, _, signature = token.removeprefix(MARK).partition(".")
        genuine = hmac.compare_digest(signature.encode(), self._vault.sign(text).encode())
        if not token.startswith(MARK) or not genuine:
            return None
        claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not self._is_live(claims["job"]):
            return None
        scopes = tuple(claims["scopes"]) if "scopes" in claims else None
        who = (claims["user"], claims["email"], claims["workspace"])
        admin = claims.get("admin", True)  # as its user is
        return Bearer(*who, super_admin=admin, scopes=scopes, job=claims["job"])
