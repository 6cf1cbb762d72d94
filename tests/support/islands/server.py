"""The embedded server with workers on islands, and how to start it with a network and an object store."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.elsewhere import elsewhere, some_server, told_to_jobs
from tests.support.islands.network import network
from tests.support.islands.real import started_by, workers
from tests.support.islands.worker import ISLANDS
from tests.support.object_store import BUCKET, object_store
from tests.support.server import Server, end_server, start_server

from metaflow_windmill.devserver.server import Settings, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY_ID, KEY = "the-id-of-the-key", "the-key"


@dataclass(frozen=True)
class Islands:
    """A server whose workers share nothing but itself and a store.

    Parameters
    ----------
    server : Server
    addresses : tuple of str
        Of the workers.
    settings : dict of str to str
        Metaflow's, for whoever deploys and reads.
    caches : tuple of Path
        Of the workers.
    host : str
        This machine's address on their bridge.
    """

    server: Server
    addresses: tuple[str, ...]
    settings: dict[str, str]
    caches: tuple[Path, ...]
    host: str

    def log(self, job: str | None) -> str:
        """Return the log of a job."""
        return str(self.server.get(f"/jobs_u/get_logs/{job}"))


@contextmanager
def islands(directory: Path, count: int = 2) -> Iterator[Islands]:
    """Have such a server, with a worker on each island, and a store that all of them reach.

    An embedded one, or the Windmill that the tests are to run on, with workers that a command starts.
    """
    command = started_by() if elsewhere() else None
    with network(count) as net, object_store(directory, net.host) as store:
        places = {name: directory / name for name, _ in net.islands}
        settings = _settings(store)
        told = told_to_jobs(settings)
        made = (
            _embedded(directory, net.host, places, told) if command is None else _real(command, places, told)
        )
        with made as server:
            caches = tuple(place / "cache" for place in places.values())
            addresses = tuple(address for _, address in net.islands)
            yield Islands(server, addresses, settings, caches, net.host)


@contextmanager
def _embedded(
    directory: Path, host: str, places: Mapping[str, Path], told: Mapping[str, str]
) -> Iterator[Server]:
    server = start_server(
        directory,
        len(places),
        program=("tests.support.islands.server",),
        arguments=("--host", host),
        environment={ISLANDS: ",".join(f"{name}:{place}" for name, place in places.items())},
    )
    try:
        server.tell_jobs(told)
        yield server
    finally:
        end_server(server)


@contextmanager
def _real(command: str, places: Mapping[str, Path], told: Mapping[str, str]) -> Iterator[Server]:
    with some_server(next(iter(places.values()))) as server:
        server.tell_jobs(told)  # before there are workers that might have looked
        with workers(command, server, places):
            yield server


def _settings(store: str) -> dict[str, str]:
    return {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
        "METAFLOW_S3_ENDPOINT_URL": store,
        "METAFLOW_S3_WORKER_COUNT": "1",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def main() -> int:
    """Serve until told to end."""
    ask = argparse.ArgumentParser()
    ask.add_argument("--host", required=True)
    ask.add_argument("--port", type=int, default=0)
    ask.add_argument("--data", type=Path, required=True)
    ask.add_argument("--workers", type=int, default=2)
    ask.add_argument("--token")
    return serve(Settings(**vars(ask.parse_args()), worker="tests.support.islands.worker"))


if __name__ == "__main__":
    sys.exit(main())
