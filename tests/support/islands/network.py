"""A network for each worker: a namespace with an address of its own, behind one bridge, on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Network:
    """What is there: the address of this machine on the bridge, and the namespaces with theirs."""

    host: str
    islands: tuple[tuple[str, str], ...]


@contextmanager
def network(count: int) -> Iterator[Network]:
    """Make a bridge and so many namespaces; where that cannot be, leave the test out and say why."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces take root and the command 'ip'")
    own = os.getpid() % 60_000
    bridge, net = f"mwb{own}", f"10.{200 + own % 50}.{own // 50 % 250}"
    with ExitStack() as stack:
        _make(stack, f"link add {bridge} type bridge", f"link del {bridge}")
        _ip(f"addr add {net}.1/24 dev {bridge}")
        _ip(f"link set {bridge} up")
        islands = tuple(
            (_island(stack, f"mw{own}n{number}", bridge, f"{net}.{10 + number}"), f"{net}.{10 + number}")
            for number in range(count)
        )
        yield Network(f"{net}.1", islands)


def _island(stack: ExitStack, name: str, bridge: str, address: str) -> str:
    """Make a namespace with one way out, to the bridge."""
    _make(stack, f"netns add {name}", f"netns del {name}")
    _ip(f"link add {name} type veth peer name eth0 netns {name}")
    _ip(f"link set {name} master {bridge} up")
    _ip(f"-n {name} addr add {address}/24 dev eth0")
    _ip(f"-n {name} link set eth0 up")
    _ip(f"-n {name} link set lo up")
    return name


def _make(stack: ExitStack, make: str, remove: str) -> None:
    done = subprocess.run(["ip", *make.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no network namespaces here: ip {make}: {done.stderr.strip()}")
    stack.callback(_ip, remove)


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)
