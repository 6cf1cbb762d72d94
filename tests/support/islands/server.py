"""The embedded server with workers on islands, and how to start it with a network and an object store."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.islands.network import network
from tests.support.islands.worker import ISLANDS
from tests.support.object_store import BUCKET, object_store
from tests.support.server import Server, end_server, start_server

from metaflow_windmill.devserver.server import Settings, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

DATASTORE = "METAFLOW_DEFAULT_DATASTORE"
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
    """

    server: Server
    addresses: tuple[str, ...]
    settings: dict[str, str]
    caches: tuple[Path, ...]


@contextmanager
def islands(directory: Path, count: int = 2) -> Iterator[Islands]:
    """Start such a server with one worker an island, and a store that all of them reach."""
    with network(count) as net, object_store(directory, net.host) as store:
        places = {name: directory / name for name, _ in net.islands}
        said = ",".join(f"{name}:{place}" for name, place in places.items())
        settings = _settings(store)
        server = start_server(
            directory,
            count,
            program=("tests.support.islands.server",),
            arguments=("--host", net.host),
            environment={ISLANDS: said},
        )
        try:
            server.tell_jobs({name: value for name, value in settings.items() if name != DATASTORE})
            caches = tuple(place / "cache" for place in places.values())
            yield Islands(server, tuple(address for _, address in net.islands), settings, caches)
        finally:
            end_server(server)


def _settings(store: str) -> dict[str, str]:
    return {
        DATASTORE: "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
        "METAFLOW_S3_ENDPOINT_URL": store,
        "METAFLOW_S3_WORKER_COUNT": "2",
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
