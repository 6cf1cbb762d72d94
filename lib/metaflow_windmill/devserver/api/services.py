"""What the handlers of requests work with."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from metaflow_windmill.devserver.release import TRIED

if TYPE_CHECKING:
    from metaflow_windmill.devserver.catalog.catalog import WorkspaceCatalog
    from metaflow_windmill.devserver.catalog.credentials import JobTokens
    from metaflow_windmill.devserver.catalog.vault import Vault
    from metaflow_windmill.devserver.engine.alarm import Alarm
    from metaflow_windmill.devserver.engine.engine import Engine
    from metaflow_windmill.devserver.release import Release
    from metaflow_windmill.devserver.store.database import Database
    from metaflow_windmill.devserver.store.job_logs import Logs
    from metaflow_windmill.types import Json

USER = "admin"
"""The one user of an embedded server: a superadmin, as on a fresh Windmill."""

EMAIL = "admin@windmill.dev"


class Workers(Protocol):
    """The worker processes, as `workers/list` shows them."""

    def crew(self) -> list[dict[str, Json]]:
        """Return each worker's name, job and tags."""

    def drains(self, job_id: str) -> bool:
        """Tell whether the worker that runs a job was told to end."""

    def serves(self, tag: str) -> bool:
        """Tell whether the workers take jobs with a tag."""


class Keeper(Protocol):
    """Tells what a run keeps outside of Windmill: artifacts and cards."""

    def tell(self, asked: Json) -> dict[str, Json]:
        """Answer a question of `pages.kept`.

        Raises
        ------
        ServerError
            If there is no answer.
        """


@dataclass(frozen=True)
class Services:
    """The parts of a running server that the API needs.

    Parameters
    ----------
    database, engine, catalog, vault, logs, job_tokens
        The rooms of the server.
    own_token : str
        The hash of the token that the server was started with.
    scheduler : Alarm
    workers : Workers
    keeper : Keeper or None
        None where nothing but Windmill's own is known of runs.
    release : Release
        The Windmill that the server behaves as.
    closing : threading.Event
        Set when the server ends, so that nobody waits on.
    """

    database: Database
    engine: Engine
    catalog: WorkspaceCatalog
    vault: Vault
    logs: Logs
    job_tokens: JobTokens
    own_token: str
    scheduler: Alarm
    workers: Workers
    keeper: Keeper | None = None
    release: Release = TRIED
    closing: threading.Event = field(default_factory=threading.Event)
