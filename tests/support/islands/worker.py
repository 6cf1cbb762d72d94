"""A worker that goes to an island before it begins: ``python -m tests.support.islands.worker DATA NAME``."""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys
from pathlib import Path

from metaflow_windmill.devserver.runner.worker import main
from metaflow_windmill.runtime.gang.address import ADDRESS

ISLANDS = "TEST_ISLANDS"
"""Names the namespaces and, after a colon, the directory of each."""
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of linux/sched.h


def settle() -> None:
    """Take the first island that no other worker is on; stay there as long as this process lives."""
    for pair in os.environ[ISLANDS].split(","):
        name, _, directory = pair.partition(":")
        place = Path(directory)
        place.mkdir(exist_ok=True)
        lock = os.open(place / "lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        enter(name)
        own = {"HOME": str(place), "TMPDIR": str(place), "METAFLOW_WINDMILL_CACHE": str(place / "cache")}
        os.environ.update(own, WHITELIST_ENVS=f"TMPDIR,METAFLOW_WINDMILL_CACHE,{ADDRESS}")
        return
    sys.exit("there are more workers than islands")


def enter(name: str) -> None:
    """Take this thread to a network."""
    with Path("/run/netns", name).open("rb") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), f"cannot enter the network {name}")


if __name__ == "__main__":
    settle()
    sys.exit(main(sys.argv[1:]))
