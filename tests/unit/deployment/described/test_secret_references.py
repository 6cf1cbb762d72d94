"""Environment variables whose values stay in Windmill."""

from __future__ import annotations

import pytest
from tests.support.answering import Answering

from metaflow_windmill.deployment.described.secret_references import Secret, check_secrets, read_secrets
from metaflow_windmill.errors import DeployError


def test_a_variable_and_a_field_of_a_resource() -> None:
    found = read_secrets(["KEY=f/team/key", "TOKEN=$var:u/bob/token", "ID=f/team/s3#accessKey"])
    assert [secret.name for secret in found] == ["KEY", "TOKEN", "ID"]
    assert [secret.reference for secret in found] == [
        "$var:f/team/key",
        "$var:u/bob/token",
        {"resource": "$res:f/team/s3", "field": "accessKey"},
    ]


@pytest.mark.parametrize(
    "option",
    ["KEY", "KEY=", "=f/team/key", "KEY=hunter2", "1KEY=f/a/b", "KEY=f/key", "KEY=f/a/b#", "KEY=f/a/b c"],
)
def test_what_is_none(option: str) -> None:
    with pytest.raises(DeployError, match="--secret takes NAME=f/folder/variable") as caught:
        read_secrets([option])
    assert "hunter2" not in str(caught.value)


def test_names_that_are_taken() -> None:
    with pytest.raises(DeployError, match="cannot set WM_TOKEN"):
        read_secrets(["WM_TOKEN=f/a/b"])
    with pytest.raises(DeployError, match="cannot set METAFLOW_SERVICE_URL: every task sets it by itself"):
        read_secrets(["METAFLOW_SERVICE_URL=f/a/b"])
    assert read_secrets(["METAFLOW_SERVICE_HEADERS=f/a/b", "METAFLOW_SERVICE_AUTH_KEY=f/a/b"])
    with pytest.raises(DeployError, match="--secret KEY is given twice"):
        read_secrets(["KEY=f/a/b", "KEY=f/a/c"])


def test_all_of_them_are_there() -> None:
    server = Answering({"GET /variables/exists/f/a/b": True, "GET /resources/exists/f/a/c": True})
    check_secrets(server.windmill, [Secret("B", "f/a/b"), Secret("C", "f/a/c", "x")])
    server = Answering({"GET /variables/exists/f/a/b": False, "GET /resources/exists/f/a/c": True})
    with pytest.raises(DeployError, match=r"admins has no variable or resource f/a/b \(for B\)"):
        check_secrets(server.windmill, [Secret("B", "f/a/b"), Secret("C", "f/a/c", "x")])
