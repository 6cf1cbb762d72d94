"""The embedded server as a whole: puts the rooms together, and serves until told to end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import uvicorn

from metaflow_windmill.devserver.api.app import build_app
from metaflow_windmill.devserver.api.guard import EVERYWHERE, Guard
from metaflow_windmill.devserver.api.services import EMAIL, Services
from metaflow_windmill.devserver.catalog import tokens, workspaces
from metaflow_windmill.devserver.catalog.catalog import WorkspaceCatalog
from metaflow_windmill.devserver.catalog.credentials import JobTokens
from metaflow_windmill.devserver.catalog.vault import Vault, open_vault, private_text
from metaflow_windmill.devserver.engine.engine import Engine
from metaflow_windmill.devserver.expressions.quickjs import QuickJs
from metaflow_windmill.devserver.keeper import Program
from metaflow_windmill.devserver.release import JOB_TOKEN_SCOPES, TRIED
from metaflow_windmill.devserver.runner.supervisor import WORKER, Crew, Supervisor
from metaflow_windmill.devserver.schedules.scheduler import Scheduler
from metaflow_windmill.devserver.store import job_rows
from metaflow_windmill.devserver.store.database import Database
from metaflow_windmill.devserver.store.job_logs import Logs
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

    from metaflow_windmill.devserver.release import Release

WORKSPACE = "admins"
"""The workspace that a fresh server has."""

GRACE = 2
"""Seconds that open requests get when the server ends."""


@dataclass(frozen=True)
class Settings:
    """How to run a server.

    Parameters
    ----------
    data : Path
        The directory that everything is kept in; made where it is absent.
    host : str
        The address to listen on.
    port : int
        0 takes a free one.
    workers : int
        How many jobs run at a time.
    token : str or None
        The token to ask with; None for the one in the data directory, which is made where it is absent.
    cache : Path or None
        Where what jobs require is kept; None where they see the server's own packages.
    jobs_url : str or None
        The address at which jobs reach the server; None for its own.
    tags : tuple of str
        Which jobs the workers take; none means all.
    keeper : tuple of str
        The program that tells what runs keep outside of Windmill; none means that nobody does.
    worker : str
        The module that a worker is.
    release : Release
        The Windmill to behave as, where it is known to do more than the one that all was compared with.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    token: str | None = None
    cache: Path | None = None
    jobs_url: str | None = None
    tags: tuple[str, ...] = ()
    keeper: tuple[str, ...] = ()
    worker: str = WORKER
    release: Release = TRIED


def serve(settings: Settings, out: TextIO = sys.stdout) -> int:
    """Serve until SIGINT or SIGTERM, and return the exit status.

    Raises
    ------
    ServerError
        If the server cannot start: the port or the data directory is in use, or the database is damaged.
    """
    os.umask(0o077)  # What is kept here, code and results and logs, is nobody else's.
    with ExitStack() as stack:
        stack.enter_context(_owned(settings.data))
        listener = stack.enter_context(_listening(settings.host, settings.port))
        url = _url(settings.host, listener.getsockname()[1])
        token = settings.token or private_text(settings.data / "token", _new_token)
        services = stack.enter_context(_running(settings, url, tokens.hashed(token)))
        app = Guard(build_app(services), settings.host)
        greeting = _greeting(settings, url, token)
        asyncio.run(_serve(app, listener, services.closing, lambda: print(greeting, file=out, flush=True)))
    return 0


@contextmanager
def _running(settings: Settings, url: str, own_token: str) -> Iterator[Services]:
    """Run everything behind the API: the engine, the workers, the schedules."""
    data = settings.data
    with ExitStack() as stack:
        database = Database(data / "windmill.db")
        stack.callback(database.close)
        with database.write() as connection:
            workspaces.ensure(connection, WORKSPACE, EMAIL)

        def is_live(job_id: str) -> bool:
            job = job_rows.load(database.read(), job_id)
            return job is not None and not job.completed

        vault: Vault = open_vault(data / "key")
        catalog = WorkspaceCatalog(database, vault)
        job_tokens = JobTokens(vault, is_live)
        logs = Logs(data / "logs")
        engine = Engine(
            database,
            catalog,
            job_tokens.issue,
            QuickJs(),
            base_url=settings.jobs_url or url,
            logs=logs,
            isolated=settings.cache is not None,
            scoped=settings.release >= JOB_TOKEN_SCOPES,
        )
        stack.callback(engine.close)
        crew = Crew(settings.workers, settings.tags, settings.cache, settings.worker)
        supervisor = Supervisor(engine, data, crew)
        engine.on_kill(supervisor.kill)
        scheduler = Scheduler(database, catalog, engine.submit, is_live=is_live)
        engine.recover()
        supervisor.start()
        stack.callback(supervisor.stop)
        scheduler.start()
        stack.callback(scheduler.stop)
        yield Services(
            database=database,
            engine=engine,
            catalog=catalog,
            vault=vault,
            logs=logs,
            job_tokens=job_tokens,
            own_token=own_token,
            scheduler=scheduler,
            workers=supervisor,
            keeper=Program(settings.keeper) if settings.keeper else None,
            release=settings.release,
        )


@contextmanager
def _owned(data: Path) -> Iterator[None]:
    """Keep every other server away from the data directory; the system frees it when the process ends."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (data / "lock").open("a+", encoding="utf-8")
    except OSError as fault:
        raise ServerError(
            f"{data} cannot be written ({fault.strerror}). Give another directory with --data."
        ) from fault
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            lock.seek(0)
            raise ServerError(
                f"{data} is in use by another server (process {lock.read().strip() or 'unknown'}). "
                "End it first, or give another directory with --data."
            ) from fault
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol said, asyncio switches off the delay that would cost each answer 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()  # from here on nobody else gets the port, and jobs that go on can ask already
        except (OSError, OverflowError) as fault:
            why = getattr(fault, "strerror", None) or str(fault)
            raise ServerError(
                f"Cannot listen on {host}:{port} ({why}). End what listens there, or give another --port."
            ) from fault
        yield listener


async def _serve(
    app: ASGIApp, listener: socket.socket, closing: threading.Event, ready: Callable[[], None]
) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )
    server = _Server(config, closing, ready)
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, server.end)
    await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Uvicorn's server, with the signals left to us: its own handling would skip the clean-up after it."""

    def __init__(self, config: uvicorn.Config, closing: threading.Event, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._closing, self._ready = closing, ready

    def end(self) -> None:
        """End softly; asked a second time, at once."""
        self._closing.set()
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then say so."""
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing."""
        yield


def _url(host: str, port: int) -> str:
    reached = "127.0.0.1" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{reached}:{port}"


def _new_token() -> str:
    return os.urandom(16).hex()


def _of_tags(tags: tuple[str, ...]) -> str:
    return f", for jobs with the tags {', '.join(tags)}" if tags else ""


def _greeting(settings: Settings, url: str, token: str) -> str:
    said = "as given with --token" if settings.token else f"{token}  (kept in {settings.data / 'token'})"
    page = url if settings.token else f"{url}/?token={token}"
    return "\n".join(
        (
            "metaflow-windmill dev is ready",
            f"  address  {url}",
            f"  token    {said}",
            f"  pages    {page}",
            f"  data     {settings.data}",
            f"  workers  {settings.workers}{_of_tags(settings.tags)}",
            "Press Ctrl-C to end it.",
        )
    )
