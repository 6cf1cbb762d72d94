"""The words that the rooms of the embedded server share: who asks, what is to run, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import datetime

    from metaflow_windmill.types import Json

JobKind = Literal[
    "script",
    "preview",
    "flow",
    "flowpreview",
    "flownode",
    "flowscript",
    "identity",
    "dependencies",
    "flowdependencies",
]


@dataclass(frozen=True)
class Actor:
    """Who a request or a job acts for."""

    username: str
    email: str
    workspace: str
    is_admin: bool = True
    scopes: tuple[str, ...] | None = None

    @property
    def permissioned_as(self) -> str:
        """Return the identity as Windmill writes it into jobs."""
        return f"u/{self.username}"


@dataclass(frozen=True)
class ScriptCode:
    """A Python script, ready to run.

    Parameters
    ----------
    content, language : str
    lock : str or None
        Pinned requirements, one a line; None where they were never resolved.
    path : str
        Where the script stands in the workspace; its module name and relative imports follow from it.
    hash : str or None
        Of a deployed script, 16 hexadecimal digits.
    tag : str or None
        The kind of worker it wants.
    timeout : int or None
        Seconds.
    has_preprocessor : bool
    envs : tuple of str
    scopes : tuple of str or None
        All that the tokens of its jobs open; None for what their user may.
    """

    content: str
    language: str = "python3"
    lock: str | None = None
    path: str = ""
    hash: str | None = None
    tag: str | None = None
    timeout: int | None = None
    has_preprocessor: bool = False
    envs: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class RunnableFlow:
    """A deployed flow at one version: the raw OpenFlow value as it was given."""

    path: str
    version: int
    value: Json
    labels: tuple[str, ...] = ()
    tag: str | None = None


@dataclass(frozen=True)
class Submission:
    """A job that somebody asks for.

    Parameters
    ----------
    kind : JobKind
    who : Actor
    args : dict
        The arguments of ``main`` or of the flow.
    path : str
        Of the runnable; for previews, what the caller said.
    code : ScriptCode or None
        Of scripts and previews.
    flow : RunnableFlow or None
        Of flows and flow previews.
    job_id : str or None
        A UUID that the caller chose.
    scheduled_for : datetime or None
        Not before this instant (aware, UTC).
    schedule_path : str or None
    tag : str or None
        Overrides the runnable's.
    timeout : int or None
        Seconds; overrides the runnable's.
    parent_job, root_job : str or None
        Said by the caller of the API (a job that starts another one).
    event : dict or None
        What a trigger brought; the runnable's preprocessor turns it into arguments.
    created_by : str or None
        Where it is not the user, such as ``schedule-f/x/y``.
    resolves : bool
        Whether a worker has to resolve what the runnable requires, for a job of dependencies.
    """

    kind: JobKind
    who: Actor
    args: dict[str, Json]
    path: str = ""
    code: ScriptCode | None = None
    flow: RunnableFlow | None = None
    job_id: str | None = None
    scheduled_for: datetime | None = None
    schedule_path: str | None = None
    tag: str | None = None
    timeout: int | None = None
    parent_job: str | None = None
    root_job: str | None = None
    event: Json = None
    created_by: str | None = None
    labels: tuple[str, ...] = ()
    resolves: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a job ended: its result as JSON (an error is ``{"error": {...}}``) and whether it succeeded."""

    success: bool
    result: Json
    memory_kb: int = 0
    canceled_by: str | None = None
    canceled_reason: str | None = None
    skipped: bool = False
    args: dict[str, Json] | None = None
    """What a preprocessor made of the event; None where none ran."""


@dataclass(frozen=True)
class Demand:
    """What a script needs of the interpreter that runs it.

    Parameters
    ----------
    lines : tuple of str
        Requirements.
    python : str
        Versions of Python: specifiers, or a plain version; empty for the server's own.
    locked : bool
        Whether the lines are all that is needed, at exact versions.
    """

    lines: tuple[str, ...] = ()
    python: str = ""
    locked: bool = False


@dataclass(frozen=True)
class RunnableJob:
    """A job handed to a worker: all it needs, so that a worker never reads the store.

    A job that resolves has nothing to run: its outcome is a lock for each of its demands.
    """

    id: str
    workspace: str
    code: ScriptCode
    args: dict[str, Json]
    environment: dict[str, str] = field(default_factory=dict)
    timeout: int | None = None
    preprocess: bool = False
    demands: tuple[Demand, ...] = ()
    resolves: bool = False


class Catalog(Protocol):
    """What a flow may name by path: scripts and flows of a workspace, its variables and resources."""

    def script(self, workspace: str, path: str) -> ScriptCode | None:
        """Return the latest deployed script at a path."""

    def script_by_hash(self, workspace: str, hash_: str) -> ScriptCode | None:
        """Return one version of a script."""

    def flow(self, workspace: str, path: str) -> RunnableFlow | None:
        """Return the latest version of a flow."""

    def script_text(self, workspace: str, path: str) -> str | None:
        """Return the text of the latest script at a path, whether it can be run yet or not."""

    def unlocked(self, workspace: str, version: str) -> tuple[ScriptCode, ...]:
        """Return the scripts in one version of a flow whose requirements were never resolved."""

    def keep_locks(self, connection: sqlite3.Connection, workspace: str, hash_: str, locks: Json) -> None:
        """Keep what a job of dependencies found, in the transaction that ends it.

        Parameters
        ----------
        connection : sqlite3.Connection
        workspace : str
        hash_ : str
            Of a script, or the version of a flow.
        locks : list of str
            One for each script, in the order in which they were asked for.
        """

    def variable(self, workspace: str, path: str) -> str | None:
        """Return a variable's value, decrypted."""

    def resource(self, workspace: str, path: str) -> Json:
        """Return a resource's value with its references filled in; None where it is absent."""

    def fill_in(self, workspace: str, value: Json, hide: Callable[[str], None]) -> Json:
        """Return a value with its ``$var:``, ``$jsonvar:`` and ``$res:`` references filled in.

        Parameters
        ----------
        workspace : str
        value : JSON value
        hide : callable
            Is told each secret that the value now holds.

        Raises
        ------
        MetaflowWindmillError
            If a reference names nothing.
        """

    def secrets(self, workspace: str) -> list[str]:
        """Return the values of all secret variables of a workspace."""

    def environment(self, workspace: str) -> dict[str, str]:
        """Return the environment variables that the workspace sets for every job."""


class JobExists(ServerError):
    """A job with the id that the caller chose is there already."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"A job with id {job_id} already exists. Choose another id, or ask for that job.")
        self.job_id = job_id
