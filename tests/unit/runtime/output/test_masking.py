from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.runtime.output.failure import Failure
from metaflow_windmill.runtime.output.log_streams import CHUNK, LogStream
from metaflow_windmill.runtime.output.masking import GOOGLE_KEY, MASK, NAMES, Mask
from metaflow_windmill.runtime.output.metadata_service import HEADERS

if TYPE_CHECKING:
    from pathlib import Path

KEY = "-----BEGIN-----\nline one of it\nline two\n"
ENVIRONMENT = {
    NAMES: "TOKEN,KEY,PIN,GONE",
    "TOKEN": "hunter2hunter2",
    "KEY": KEY,
    "PIN": "1234",
    "OTHER": "y" * 9,
}


def test_values_are_hidden_and_short_or_other_ones_are_not() -> None:
    mask = Mask.of(ENVIRONMENT)
    assert mask.text("a hunter2hunter2 b 1234 yyyyyyyyy") == f"a {MASK} b 1234 yyyyyyyyy"
    assert mask.data(b"line two\nline one of it") == f"{MASK}\n{MASK}".encode()
    assert mask.data(f"<{KEY}>".encode()) == f"<{MASK}>".encode()
    assert mask.failure(Failure("E", "bad hunter2hunter2")) == Failure("E", f"bad {MASK}")


def test_a_key_of_google_is_hidden_though_the_variable_names_a_file(tmp_path: Path) -> None:
    key = json.dumps({"type": "service_account", "private_key": KEY}, indent=1)
    (tmp_path / "key.json").write_text(key)
    mask = Mask.of({NAMES: GOOGLE_KEY, GOOGLE_KEY: str(tmp_path / "key.json")})
    assert mask.text(f"see {tmp_path}/key.json: {key}") == f"see {tmp_path}/key.json: {MASK}"
    assert mask.text(f"<{KEY}>") == f"<{MASK}>"
    assert mask.text("line two of it, a service_account") == f"{MASK} of it, a service_account"
    assert Mask.of({NAMES: GOOGLE_KEY, GOOGLE_KEY: "/nowhere/key.json"}) == Mask(())


def test_each_header_of_a_service_is_hidden() -> None:
    value = json.dumps({"x-api-key": "hunter2hunter2", "Authorization": "Bearer abcdefgh"})
    mask = Mask.of({NAMES: HEADERS, HEADERS: value})
    assert mask.text(f"{value} hunter2hunter2 Bearer abcdefgh abcdefgh") == " ".join([MASK] * 4)
    for odd in ("no json here", '["a list"]'):
        assert Mask.of({NAMES: HEADERS, HEADERS: odd}).text(f"<{odd}>") == f"<{MASK}>"


def test_nothing_is_hidden_where_there_are_no_secrets() -> None:
    assert Mask.of({}) == Mask.of({NAMES: "", "OTHER": "something long"}) == Mask(())
    assert Mask(()).data(b"\xff") == b"\xff"


def test_a_value_in_pieces_is_hidden_in_what_is_kept(tmp_path: Path) -> None:
    with (tmp_path / "job.log").open("wb") as target:
        stream = LogStream(target.fileno(), tmp_path / "kept", Mask.of(ENVIRONMENT))
        for piece in (b"it is hunter2", b"hunter2", b", really\nand ", b"so on"):
            stream.feed(piece)
        stream.flush()
        stream._kept.close()
    assert (tmp_path / "job.log").read_text() == f"it is {MASK}, really\nand so on"
    assert "hunter2" not in (tmp_path / "kept").read_text()
    assert MASK in (tmp_path / "kept").read_text()


SECRET = 'hun/ter2&hünter"2'


@pytest.mark.parametrize(
    "said",
    [
        SECRET,
        quote(SECRET),
        quote_plus(SECRET),
        json.dumps({"password": SECRET}),
        json.dumps({"password": SECRET}, ensure_ascii=False),
        SECRET.encode().hex(),
        base64.b64encode(f"user:{SECRET}!".encode()).decode(),
        base64.urlsafe_b64encode(f"me:{SECRET}!".encode()).decode(),
    ],
)
@pytest.mark.parametrize("before", [0, CHUNK - 1, CHUNK - 9, CHUNK, 2 * CHUNK - 5])
def test_a_secret_is_hidden_in_each_form_and_wherever_a_long_line_is_cut(
    tmp_path: Path, said: str, before: int
) -> None:
    with (tmp_path / "job.log").open("wb") as target:
        stream = LogStream(target.fileno(), tmp_path / "kept", Mask.of({NAMES: "S", "S": SECRET}))
        whole = b"x" * before + b" " + said.encode() + b" " + b"y" * CHUNK
        for start in range(0, len(whole), CHUNK):
            stream.feed(whole[start : start + CHUNK])
        stream.flush()
        stream._kept.close()
    for file in ("job.log", "kept"):
        shown = (tmp_path / file).read_text().rpartition("]")[2]
        hidden = shown.strip("xy")
        assert MASK in hidden
        assert len(hidden) < len(said)
        assert len(shown) - len(hidden) == before + CHUNK


@given(st.data())
def test_no_cut_shows_a_part_of_a_secret(data: st.DataObject) -> None:
    """However output is cut, what is passed on is what it would be if it came at once."""
    letters = st.text("ab", min_size=1, max_size=6)
    mask = Mask(tuple(sorted(data.draw(st.sets(letters, max_size=3)), key=lambda v: (-len(v), v))))
    output = data.draw(st.text("abc", max_size=40)).encode()
    passed, pending = b"", b""
    for byte in output:
        pending += bytes([byte])
        settled = mask.settled(pending)
        passed, pending = passed + mask.data(pending[:settled]), pending[settled:]
    passed += mask.data(pending)
    assert not any(value.encode() in passed for value in mask.values)
