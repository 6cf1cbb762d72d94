"""What a resumed run is asked for with, and what its tasks are told of the run that they go on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

RESUME = "$resume"
"""The argument of a flow's run that holds a `ResumeOrder`; no parameter is deployed under this name."""

CLONED = "cloned"
"""The label of a job that cloned its task instead of running it; its result says from where."""

WINDMILL_RUN = "windmill-"
"""What the id of each run on Windmill begins with; tasks of such runs have ids by their position."""


@dataclass(frozen=True)
class ResumeOrder:
    """What a run is asked for with, beside its parameters, to go on from another one.

    Parameters
    ----------
    run : str
        The id of the run to go on from: one on Windmill, or of any other runtime of Metaflow.
    steps : tuple of str
        Steps to run anew in any case, with all that follows them.
    parameters : tuple of str
        The parameters that get new values; all others keep those of the run.
    """

    run: str
    steps: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the order as JSON."""
        return {"run": self.run, "steps": list(self.steps), "parameters": list(self.parameters)}

    @classmethod
    def from_json(cls, data: Json) -> ResumeOrder:
        """Read what `to_json` wrote.

        Raises
        ------
        InvalidDocument
            If it is something else, such as what a person made up.
        """
        return cls(*_read(data, "steps", "parameters"))


@dataclass(frozen=True)
class Origin:
    """What each task of a resumed run is told.

    Parameters
    ----------
    run : str
        The id of the run that it goes on from.
    rerun : tuple of str
        The steps none of whose tasks is cloned.
    renewed : tuple of str
        The attributes of the flow that may have other values than in that run: parameters that were
        given anew or were not there, and what belongs to the code, such as the graph.
    """

    run: str
    rerun: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()

    @property
    def on_windmill(self) -> bool:
        """Whether the run was on Windmill, so that its tasks have the ids that they have here."""
        return self.run.startswith(WINDMILL_RUN)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"run": self.run, "rerun": list(self.rerun), "renewed": list(self.renewed)}

    @classmethod
    def from_json(cls, data: Json) -> Origin:
        """Read what `to_json` wrote; `InvalidDocument` if it is something else."""
        return cls(*_read(data, "rerun", "renewed"))


def _read(data: Json, *lists: str) -> tuple[Any, ...]:
    found = data if isinstance(data, dict) else {}
    texts = [found.get(name, []) for name in lists]
    run = found.get("run")
    if not isinstance(run, str) or not run or not all(_are_texts(names) for names in texts):
        raise InvalidDocument("this is not what `windmill resume` asks a run for", RESUME)
    return (run, *map(tuple, texts))


def _are_texts(names: Json) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
