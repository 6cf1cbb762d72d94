"""The engine: takes jobs in, hands the runnable ones to workers, and carries each flow on when one ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine.changes import Changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaflow_windmill.devserver.expressions.evaluator import Evaluator
    from metaflow_windmill.devserver.model import (
        Catalog,
        Credentials,
        Outcome,
        RunnableJob,
        Submission,
    )
    from metaflow_windmill.devserver.store.database import Database


class Engine:
    """The engine of one server.

    Parameters
    ----------
    database : Database
    catalog : Catalog
        What flows may name by path.
    credentials : Credentials
        Makes the jobs' tokens.
    evaluator : Evaluator
        Evaluates expressions.
    base_url : str
        Where jobs reach the API: ``BASE_INTERNAL_URL``.
    """

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        credentials: Credentials,
        evaluator: Evaluator,
        *,
        base_url: str,
    ) -> None:
        self.database = database
        self.changes = Changes()
        self._catalog, self._credentials, self._evaluator = catalog, credentials, evaluator
        self._base_url = base_url

    def submit(self, submission: Submission) -> str:
        """Take a job in and return its id; a flow starts to advance at once.

        Raises
        ------
        JobExists
            If the caller chose an id that a job has already.
        """
        raise NotImplementedError

    def pull(self, worker: str, tags: Sequence[str]) -> RunnableJob | None:
        """Give the next due job with one of the tags to a worker and mark it running."""
        raise NotImplementedError

    def finish(self, job_id: str, outcome: Outcome) -> None:
        """Record how a job ended; a second report of the same job is ignored."""
        raise NotImplementedError

    def cancel(self, job_id: str, by: str, reason: str | None = None) -> bool:
        """Cancel a job and everything below it; return whether there was something to cancel."""
        raise NotImplementedError

    def force_cancel(self, job_id: str, by: str, reason: str | None = None) -> bool:
        """Cancel a job and everything below it without waiting for its workers."""
        raise NotImplementedError

    def requeue(self, job_id: str) -> None:
        """Queue a job again whose worker died; after the third time it fails."""
        raise NotImplementedError

    def recover(self) -> None:
        """Continue where the last server stopped; called once, before the workers start."""
        raise NotImplementedError

    def wait_for_work(self, timeout: float | None = None) -> bool:
        """Block until a job may have become due; for the one thread that dispatches."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop advancing flows."""
