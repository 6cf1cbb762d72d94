"""Exit hooks: functions of the flow that run once a run is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

EXIT_HOOKS = "exit_hooks"
"""The one key of the input ``task`` of the job that runs exit hooks; its value is an `ExitHooks`."""

STEP = "_exit_hook"
"""The step whose name the environment of a hook has; none of Metaflow begins with a low line."""


@dataclass(frozen=True)
class ExitHooks:
    """What a job runs when a run is over.

    Parameters
    ----------
    functions : tuple of str
        Each one's name in the flow file, or ``module.function``.
    failed : bool
        Whether they run because the run failed. The job then gets, as its input ``error``, what
        went wrong, and fails with it in the end, so that the run is what it was.
    """

    functions: tuple[str, ...]
    failed: bool = False

    def to_json(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {"functions": list(self.functions), "failed": self.failed}

    @classmethod
    def from_json(cls, data: dict[str, Json]) -> ExitHooks:
        """Read what `to_json` wrote; `InvalidDocument` if it is something else."""
        try:
            return cls(tuple(data["functions"]), bool(data["failed"]))
        except (KeyError, TypeError) as why:
            raise InvalidDocument(f"these are no exit hooks ({why})", EXIT_HOOKS) from why
