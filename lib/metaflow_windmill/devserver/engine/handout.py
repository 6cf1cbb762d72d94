"""A job as a worker gets it: its script, its arguments with their references filled in, its environment."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine import births
from metaflow_windmill.devserver.engine.job_variables import variables
from metaflow_windmill.devserver.model import RunnableJob, ScriptCode
from metaflow_windmill.devserver.requirements.demand import demand_of
from metaflow_windmill.devserver.store import job_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from metaflow_windmill.devserver.model import Actor, Catalog, Demand
    from metaflow_windmill.devserver.store.database import Database
    from metaflow_windmill.devserver.store.job_logs import Logs
    from metaflow_windmill.devserver.store.job_rows import JobRow


class Handout:
    """Makes `RunnableJob` of rows.

    Parameters
    ----------
    database : Database
    catalog : Catalog
    token_for : callable
        Takes a job's id and an actor, and returns the token that the job acts with.
    base_url : str
    logs : Logs or None
        Is told the secrets among the arguments.
    isolated : bool
        Whether a job sees what it requires and nothing else.
    """

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        token_for: Callable[[str, Actor], str],
        base_url: str,
        logs: Logs | None,
        *,
        isolated: bool = False,
        scoped: bool = False,
    ) -> None:
        self._scoped = scoped
        self._database, self._catalog, self._token_for = database, catalog, token_for
        self._base_url, self._logs, self._isolated = base_url, logs, isolated

    def runnable(self, job: JobRow) -> RunnableJob:
        """Return all that a worker needs of a job.

        Raises
        ------
        MetaflowWindmillError
            If an argument refers to something that is not there.
        """
        reading = self._database.read()
        args = json.loads(job_rows.args_text(reading, job.id))
        above = job_rows.load(reading, job.parent) if job.parent else None
        who = job.identity if self._scoped else replace(job.identity, scopes=None)
        token = self._token_for(job.id, who)
        code, resolves = code_of(reading, job), job.kind in births.DEPENDENCIES
        return RunnableJob(
            id=job.id,
            workspace=job.workspace,
            code=code,
            args=self._catalog.fill_in(job.workspace, args, lambda secret: self._hide(job.id, secret)),
            environment={
                **self._catalog.environment(job.workspace),
                **variables(job, above.path if above else None, token, self._base_url),
            },
            timeout=job.timeout,
            preprocess=job.preprocess,
            demands=self._demands(job, code) if self._isolated else (),
            resolves=resolves,
        )

    def _demands(self, job: JobRow, code: ScriptCode) -> tuple[Demand, ...]:
        of_flow = job.kind == births.FLOW_DEPENDENCIES
        codes = self._catalog.unlocked(job.workspace, job.hash or "") if of_flow else (code,)
        return tuple(
            demand_of(one, lambda path: self._catalog.script_text(job.workspace, path)) for one in codes
        )

    def hide_all(self, job_id: str) -> None:
        """Hide every secret of its workspace in the log of a job that a server before gave out.

        Which of them the job was given went with that server.
        """
        job = job_rows.load(self._database.read(), job_id)
        if job is not None:
            for secret in self._catalog.secrets(job.workspace):
                self._hide(job_id, secret)

    def _hide(self, job_id: str, secret: str) -> None:
        if self._logs is not None:
            self._logs.mask(job_id, secret)


def code_of(connection: sqlite3.Connection, job: JobRow) -> ScriptCode:
    """Return the script that a job runs; an empty one for a job that runs none."""
    if job.document is None or job.details is None:
        return ScriptCode("", path=job.path or "", hash=job.hash)
    details = json.loads(job_rows.get_document(connection, job.details))
    return ScriptCode(
        content=job_rows.get_document(connection, job.document),
        language=job.language or "python3",
        lock=details["lock"],
        path=job.path or "",
        hash=job.hash,
        tag=job.tag,
        timeout=job.timeout,
        has_preprocessor=details["has_preprocessor"],
        envs=tuple(details["envs"]),
    )
