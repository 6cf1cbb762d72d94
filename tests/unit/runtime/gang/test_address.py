from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from metaflow_windmill.runtime.gang.address import ADDRESS, is_loopback, own_address


def test_what_the_worker_was_told_comes_first() -> None:
    assert own_address({ADDRESS: "node-7.cluster", "BASE_INTERNAL_URL": "http://127.0.0.1:8000"}) == (
        "node-7.cluster"
    )


@pytest.mark.parametrize("server", ["", "http://127.0.0.1:8000", "http://nobody.invalid:8000", "http://[bad"])
def test_an_address_that_others_reach_is_found_whatever_is_known_of_the_server(server: str) -> None:
    alone = {name for _, name in socket.if_nameindex()} == {"lo"}
    assert is_loopback(own_address({"BASE_INTERNAL_URL": server})) == alone


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root")
def test_a_machine_without_a_way_out_tells_the_address_of_its_interface() -> None:
    script = (
        "ip link add d0 type veth peer name d1 && ip addr add 10.9.8.7/32 dev d0 && ip link set d0 up && "
        f"{sys.executable} -c 'from metaflow_windmill.runtime.gang.address import own_address; "
        'print(own_address({"BASE_INTERNAL_URL": "http://127.0.0.1:8000"}))\''
    )
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "perm" in done.stderr.lower() or "not supported" in done.stderr.lower():
        pytest.skip(f"no network namespaces here: {done.stderr}")
    assert done.stdout.strip() == "10.9.8.7", done.stderr


@pytest.mark.parametrize(
    ("address", "only_here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.1.2.3", False), ("node-7.cluster", False)],
)
def test_a_loopback_is_known(address: str, *, only_here: bool) -> None:
    assert is_loopback(address) == only_here
