from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.failure import Failure
from metaflow_windmill.runtime.logs import LogStream
from metaflow_windmill.runtime.masking import GOOGLE_KEY, MASK, NAMES, Mask
from metaflow_windmill.runtime.metadata_service import HEADERS

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
    assert Mask.of({NAMES: HEADERS, HEADERS: "no json here"}) == Mask(("no json here",))
    assert Mask.of({NAMES: HEADERS, HEADERS: '["a list"]'}) == Mask(('["a list"]',))


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
