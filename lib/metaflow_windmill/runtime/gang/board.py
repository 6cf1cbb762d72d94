"""What the nodes of a gang leave for each other, in the run's datastore: all that they are sure to share.

A gang runs in rounds: one for each attempt of all of its nodes. Each fact of a round is a file that appears
once, and none is taken away, so whoever looks later sees no less. A round that has failed is over for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.runtime.position.tasks import Tasks
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Board:
    """What is known of one round of a gang.

    Parameters
    ----------
    tasks : Tasks
        Of the run.
    gang : str
        The gang's control task, ``step/task``.
    round : int
    """

    tasks: Tasks
    gang: str
    round: int = 0

    def next(self) -> Board:
        """Return the round after this one."""
        return replace(self, round=self.round + 1)

    def arrive(self, node: int, said: Json) -> None:
        """Say that a node has a worker; said again with a higher ``beat``, that it still has it."""
        self._keep(f"node-{node}", said)

    def arrived(self, node: int) -> Json:
        """Return what a node said of itself; None if it has not come."""
        return self._kept(f"node-{node}")

    def begin(self, said: Json) -> None:
        """Say that all have come, and what they begin with."""
        self._keep("begun", said)

    def begun(self) -> Json:
        """Return what all nodes begin with; None if not all have come."""
        return self._kept("begun")

    def fail(self, node: int, why: str, *, final: bool) -> None:
        """Say that a round is over since a node failed; the first is told, or one that is final."""
        before = self.failure()
        if before is None or (final and not before["final"]):
            self._keep("failed", {"node": node, "why": why, "final": final})

    def failure(self) -> Json:
        """Return which node failed and why; None while none did."""
        return self._kept("failed")

    def finish(self, node: int, outcome: Json) -> None:
        """Say that a node ended well, and what it left for its job."""
        self._keep(f"ended-{node}", outcome)

    def finished(self, node: int) -> Json:
        """Return what a node left that ended well, else None."""
        return self._kept(f"ended-{node}")

    def close(self) -> None:
        """Say that all nodes ended well."""
        self._keep("ended", {})

    def closed(self) -> bool:
        """Tell whether all nodes ended well."""
        return self._kept("ended") is not None

    def _keep(self, what: str, content: Json) -> None:
        self.tasks.keep(self._name(what), content)

    def _kept(self, what: str) -> Json:
        return self.tasks.kept(self._name(what))

    def _name(self, what: str) -> str:
        return f"gang.{self.gang.replace('/', '.')}.{self.round}.{what}.json"
