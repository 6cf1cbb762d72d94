from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.metadata_gate import Gate, open_gate

from metaflow_windmill.deployment.described.service_version import ask_version, check_version, plain_address
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from tests.support.metadata_service import Answer

KEY = {"x-api-key": "abc"}


def asked(gate: Gate, **headers: str) -> str | None:
    with open_gate(gate):
        return ask_version(f"{gate.url}/", headers)


def answering(status: int) -> Gate:
    def answer(*_: object) -> Answer:
        return status, "whatever"

    return Gate(answer)


@pytest.mark.parametrize("version", ["2.0.2", "2.0.10", "2.5.1", "3.0", "2.4.0+netflix", "10.0.0rc1"])
def test_versions_that_take_texts_as_ids(version: str) -> None:
    check_version(version, "http://service")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("2.0.1", "is of version 2.0.1"),
        ("1.9.9", "is of version 1.9.9"),
        ("new", "is of version new"),
        ("", "does not tell its version"),
        (None, "does not tell its version"),
    ],
)
def test_versions_that_do_not(version: str | None, said: str) -> None:
    with pytest.raises(DeployError, match=f"http://service {said}, and only from 2.0.2 on.*upgrade it"):
        check_version(version, "http://service")


def test_a_service_tells_its_version_to_whom_it_lets_in() -> None:
    def pong(*_: object) -> Answer:
        return 200, "pong"

    assert asked(Gate(pong, version="2.4.0")) == "2.4.0"
    assert asked(Gate(pong, version=None)) is None
    assert asked(Gate(pong, demands=KEY), **KEY) == "2.5.1"
    with pytest.raises(DeployError, match=r"not let you in \(status 403\); set METAFLOW_SERVICE_HEADERS"):
        asked(Gate(pong, demands=KEY))


def test_a_service_that_is_none_or_gone() -> None:
    with pytest.raises(DeployError, match=r"is no metadata service, or an ailing one.* status 404"):
        asked(answering(404))
    with pytest.raises(DeployError, match=r"does not answer .ConnectionError.; start it, or correct"):
        ask_version("http://127.0.0.1:9", {})


def test_no_password_in_an_address() -> None:
    assert plain_address("https://metadata.example/path") == "https://metadata.example/path"
    assert not plain_address("")
    for address in ("https://ann:hunter2@metadata.example", "https://hunter2@metadata.example/"):
        with pytest.raises(DeployError, match=r"at metadata.example holds a user name") as told:
            plain_address(address)
        assert "hunter2" not in str(told.value)
