from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.gitsource import Redactor

SECRET = "gh p/T0ken+with=signs&ümlaut"


def test_every_form_of_a_secret_goes() -> None:
    hide = Redactor([SECRET]).text
    forms = [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        json.dumps(SECRET),
        SECRET.encode().hex(),
    ]
    for form in forms:
        assert hide(f"before {form} after").strip('"') in {"before *** after", 'before "***" after'}


@given(st.text(st.characters(codec="utf-8"), min_size=8), st.text(max_size=9), st.text(max_size=9))
def test_base64_of_a_text_with_the_secret_in_it(secret: str, before: str, after: str) -> None:
    if len(secret.strip()) < 8:
        return
    encode = base64.b64encode
    whole = (before + secret + after).encode()
    at = len(before.encode())
    said = Redactor([secret]).text(encode(whole).decode())
    inner = encode(b"\0" * (at % 3) + secret.encode()).decode()[2:-4]
    assert inner not in said


def test_the_basic_header_goes() -> None:
    header = base64.b64encode(f"x-access-token:{SECRET}".encode()).decode()
    said = Redactor([SECRET]).text(f"sent 'Authorization: Basic {header}' and {header}")
    assert header[24:-4] not in said
    assert said.startswith("sent 'Authorization: Basic ***'")


def test_a_login_in_a_url_goes_even_if_nobody_knew_it() -> None:
    assert Redactor().text("clone https://bot:word@host/a failed") == "clone https://***@host/a failed"


def test_a_key_goes_line_by_line() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nAAAAB3NzaC1yc2E\nQEAabcdefgh\n-----END PRIVATE KEY-----\n"
    assert Redactor([key]).text("log: QEAabcdefgh") == "log: ***"
    assert Redactor([key]).text(key.strip()) == "***"


def test_json_is_searched_to_the_bottom() -> None:
    value = {"a": [SECRET, 1, None, {SECRET: True}], "b": "plain"}
    assert Redactor([SECRET]).json(value) == {"a": ["***", 1, None, {"***": True}], "b": "plain"}


def test_short_and_empty_secrets_hide_nothing() -> None:
    assert Redactor(["", "a", "abc", "   "]).text("a text about abc") == "a text about abc"
