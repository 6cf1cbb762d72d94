"""Workers of a real Windmill on islands: a command starts them, which whoever runs the tests has given."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from tests.support.islands.worker import enter
from tests.support.server import wait_until

from metaflow_windmill.runtime.gang.address import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from tests.support.server import Server

COMMAND, PORTS = "METAFLOW_WINDMILL_TEST_WORKER", "METAFLOW_WINDMILL_TEST_WORKER_PORTS"
JOBS = ("python3", "flow")


def started_by() -> str:
    """Return the command that starts a worker; where nobody gave one, leave the tests out and say why."""
    command = os.environ.get(COMMAND)
    if not command:
        pytest.skip(f"left out elsewhere: {COMMAND} names no command that starts a worker (CONTRIBUTING.md)")
    return command


@contextmanager
def workers(command: str, server: Server, places: Mapping[str, Path]) -> Iterator[None]:
    """Start a worker on each island, to which all jobs of the workspace go, scripts and flows too.

    But for those that make locks of flows, which take a package index: they go to a worker that is on none.
    """
    here = f"locks{os.getpid()}"
    last = next(iter(places.values())).with_name(here)
    with ExitStack() as stack:
        stack.enter_context(_tags_of_its_own(server))
        stack.enter_context(_started(command, here, last, f"dependency-{server.workspace}", None))
        for name, place in places.items():
            for port in filter(None, os.environ.get(PORTS, "").split(",")):
                stack.enter_context(_forwarded(name, int(port)))
            tags = ",".join(f"{kind}-{server.workspace}" for kind in JOBS)
            stack.enter_context(_started(command, name, place, tags, name))
        names = (here, *places)
        wait_until(lambda: _there(server, names), 60, f"not every worker came; see worker.out in {places}")
        wait_until(lambda: _taken(server), 90, "jobs of the workspace do not go to the workers on islands")
        yield


def _there(server: Server, names: Collection[str]) -> bool:
    known = [worker["worker_instance"] for worker in server.get("/api/workers/list?ping_since=60")]
    return all(name in known for name in names)


@contextmanager
def _tags_of_its_own(server: Server) -> Iterator[None]:
    """Have the jobs of this workspace, and of no other, tagged by its name; leave the setting as it was."""
    several, each = "default_tags_workspaces", "default_tags_per_workspace"
    before = {name: server.get(f"/api/settings/global/{name}") for name in (several, each)}
    if before[each] and before[several] is None:  # it is so for all
        yield
        return
    server.post(f"/api/settings/global/{several}", {"value": [*(before[several] or []), server.workspace]})
    server.post(f"/api/settings/global/{each}", {"value": True})
    try:
        yield
    finally:
        server.post(f"/api/settings/global/{each}", {"value": bool(before[each])})
        server.post(f"/api/settings/global/{several}", {"value": before[several]})


def _taken(server: Server) -> bool:
    """Tell whether a job is one for the islands; a server takes a while to hear of a setting."""
    code = {"content": "def main(): pass", "language": "python3", "args": {}, "lock": ""}
    return bool(server.finished(server.post("/jobs/run/preview", code))["tag"].endswith(server.workspace))


@contextmanager
def _started(command: str, name: str, place: Path, tags: str, network: str | None) -> Iterator[None]:
    """Run the command, told by variables what is its own; end it with all it began.

    What is in no network has the home of this machine's user, where it is said which package index to use.
    """
    own = {"HOME": place, "TMPDIR": place / "tmp", "WINDMILL_DIR": place / "windmill"}
    for folder in own.values():
        folder.mkdir(parents=True, exist_ok=True)
    told = {key: str(value) for key, value in own.items() if network or key != "HOME"}
    told |= {"METAFLOW_WINDMILL_CACHE": str(place / "cache"), "FORCE_HOSTNAME": name}
    told |= {"FORCE_WORKER_TAGS": tags, "WHITELIST_ENVS": f"TMPDIR,METAFLOW_WINDMILL_CACHE,{ADDRESS}"}
    inside = ("ip", "netns", "exec", network) if network else ()
    with (place / "worker.out").open("wb") as out:
        process = subprocess.Popen(
            [*inside, "sh", "-c", command],
            env={**os.environ, **told},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _forwarded(name: str, port: int) -> Iterator[None]:
    """Have a port of a network's loopback lead to that of this machine."""
    with ThreadPoolExecutor(1) as inside:  # a thread can be in a network of its own, and a socket stays there
        listening = inside.submit(_listening, name, port).result()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    served = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(lambda *here: _carry(port, *here), sock=listening), loop
    ).result()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_closed(served), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _listening(name: str, port: int) -> socket.socket:
    enter(name)
    return socket.create_server(("127.0.0.1", port))


async def _carry(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(asyncio.CancelledError):  # at the end; asyncio tells of it otherwise
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass  # the other side learns of it, since this one closes too
    finally:
        sink.close()


async def _closed(served: asyncio.Server) -> None:
    served.close()
    ours = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in ours:
        task.cancel()
    await asyncio.gather(*ours, return_exceptions=True)
