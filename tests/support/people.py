"""People besides the superadmin: members of a workspace who are no admins, by the API of any Windmill."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.deployed import Target

    from metaflow_windmill.types import Json


@contextmanager
def member(target: Target, name: str, folder: str = "flows") -> Iterator[Target]:
    """Take somebody into the workspace, who owns a folder; give the target with a token of theirs."""
    email = f"{name}@example.com"
    made = _ask(
        target,
        "POST",
        f"/w/{target.workspace}/workspaces/add_user",
        email=email,
        is_admin=False,
        operator=False,
    )
    if "reserved for superadmins" in made.text:
        pytest.skip("the workspace 'admins' of a real server has no members: name another")
    try:
        target.post(f"/folders/addowner/{folder}", {"owner": f"u/{name}"})
        token = _ask(target, "POST", "/users/tokens/impersonate", impersonate_email=email, label="a test")
        assert token.ok, token.text
        yield replace(target, token=token.text)
    finally:
        _ask(target, "DELETE", f"/w/{target.workspace}/users/delete/{name}")


def _ask(target: Target, method: str, path: str, **body: Json) -> requests.Response:
    headers = {"Authorization": f"Bearer {target.token}"}
    return requests.request(
        method, f"{target.host}/api{path}", json=body or None, headers=headers, timeout=30
    )
