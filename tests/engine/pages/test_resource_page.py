"""What is secret in a resource is not shown, wherever it stands."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from metaflow_windmill.devserver.pages.resource_page import HIDDEN, hidden

SECRET = "swordfish-4711"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "Passwd",
            "passphrase",
            "token",
            "api_key",
            "apiKey",
            "access_key",
            "secretAccessKey",
            "secret",
        ),
        *(
            "private_key",
            "client_secret",
            "webhook_secret",
            "credentials",
            "connection_string",
            "authorization",
            "key",
        ),
    ],
)
def test_members_with_the_name_of_a_secret_are_hidden(name: str) -> None:
    assert hidden({name: "hunter2"}, ()) == {name: HIDDEN}
    assert hidden({name: {"a": ["hunter2"]}}, ()) == {name: {"a": [HIDDEN]}}
    assert hidden({name: 12345}, ()) == {name: HIDDEN}


@pytest.mark.parametrize("value", ["$var:f/team/token", "$res:f/team/other", "", None])
def test_where_a_secret_is_kept_is_shown(value: Any) -> None:
    assert hidden({"token": value}, ()) == {"token": value}


def test_what_is_no_secret_is_shown() -> None:
    plain = {
        "url": "https://example.com/x.git",
        "branch": "main",
        "port": 5432,
        "monkey": "x",
        "is_ssl": True,
    }
    assert hidden(plain, ()) == plain


@pytest.mark.parametrize(
    "text", [SECRET, f"a{SECRET}b", base64.b64encode(SECRET.encode()).decode(), json.dumps({"x": SECRET})]
)
def test_a_known_secret_is_hidden_in_any_form(text: str) -> None:
    assert SECRET not in json.dumps(hidden({"note": text, text: 1}, (SECRET,)))
    assert HIDDEN in hidden({"note": text}, (SECRET,))["note"]


def test_a_password_in_an_address_is_hidden() -> None:
    assert hidden("https://me:pw@example.com/x", ()) == f"https://{HIDDEN}@example.com/x"
