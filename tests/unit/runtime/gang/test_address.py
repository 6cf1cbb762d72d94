from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from metaflow_windmill.runtime.gang.address import ADDRESS, own_address


def test_what_the_worker_was_told_comes_first() -> None:
    assert own_address({ADDRESS: "node-7.cluster", "BASE_INTERNAL_URL": "http://127.0.0.1:8000"}) == (
        "node-7.cluster"
    )


def test_the_loopback_is_told_only_where_there_is_nothing_else() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))
        except OSError:
            expected = "127.0.0.1"
        else:
            expected = asked.getsockname()[0]
    assert own_address({"BASE_INTERNAL_URL": "http://127.0.0.1:8000"}) == expected


@pytest.mark.parametrize("server", ["", "http://no-such-host.invalid:8000", "nonsense"])
def test_an_address_is_told_whatever_is_known_of_the_server(server: str) -> None:
    assert ip_address(own_address({"WM_BASE_URL": server}))
