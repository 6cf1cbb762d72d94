"""What a compiled module tells the job that runs it.

The compiler writes a `TaskSpec`, or a `metaflow_windmill.contract.pack.Pack` of several, into each module
as the static input ``task``; the runtime reads it back. Everything else that a task needs comes by the other
inputs of the job, `metaflow_windmill.contract.job_inputs.JobInputs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from metaflow_windmill.contract.known import known
from metaflow_windmill.contract.memo import Memo

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

Level = Literal["foreach", "turn", "node"]
At = Literal["same", "outer", "each", "gang"]
Tells = Literal["branch", "splits"]


@dataclass(frozen=True)
class ParentStep:
    """A step that may be the parent of a task.

    Parameters
    ----------
    step : str
        Its name in the Metaflow graph.
    recursive : bool
        Whether the step returns to itself, so that its last turn is the parent.
    """

    step: str
    recursive: bool = False


@dataclass(frozen=True)
class Input:
    """One input path of a task (or, from a foreach, one for each split).

    Parameters
    ----------
    any_of : tuple of ParentStep
        The steps that may lead here, latest in the graph first. Where there are several, the
        first one that has a task at the position is the parent: on one path through the
        graph, the last step that ran is the one that chose this task.
    at : {"same", "outer", "each", "gang"}
        Where the parent stands: at the task's own position; one foreach level out (the
        foreach step, seen from the first step of its body); at every split (the last steps
        of the body, seen from the join); or the control task and the nodes of a gang.
    """

    any_of: tuple[ParentStep, ...]
    at: At = "same"


@dataclass(frozen=True)
class Page:
    """What the page of a run needs to know of the flow.

    Parameters
    ----------
    modules : dict of str to str
        The step of each module whose id is not the step's name.
    cards : dict of str to tuple of str
        For each step with cards, the id of each, or its type where it has no id.
    packs : bool
        Whether there may be jobs of several tasks.
    """

    modules: dict[str, str] = field(default_factory=dict)
    cards: dict[str, tuple[str, ...]] = field(default_factory=dict)
    packs: bool = False


@dataclass(frozen=True)
class TaskSpec:
    """All that is known of a task when its flow is compiled.

    Parameters
    ----------
    step : str
        The step's name in the Metaflow graph.
    levels : tuple of {"foreach", "turn", "node"}
        The loops that the task is inside of, outermost first. A ``foreach`` level counts by
        ``value`` (a lane hands out item numbers as values), a ``turn`` level by ``index``, and so does
        ``node``, the nodes of a gang.
    inputs : tuple of Input
        Empty for the start step.
    lanes : int or None
        On a foreach step: deal the splits into this many lanes.
    max_splits : int or None
        On a foreach step: fail where it makes more splits.
    tells : {"branch", "splits"} or None
        What the modules after it need to know of the task: which branch a switch chose, how
        many splits there are.
    gang : bool
        Whether the task is the control task of a ``num_parallel`` gang, and runs the other nodes itself.
    gather : int or None
        On a node of a gang whose nodes are jobs of their own: how many seconds it waits for the others.
        Its number among them is then the last of `levels`.
    recursive : bool
        Whether the step returns to itself; its own level is then the last of `levels`.
    retries : int
        How often Windmill runs the module again after a failure.
    user_retries : int
        Metaflow's ``--max-user-code-retries``.
    delay : int
        The seconds that Windmill waits before it runs the module again; told where a run has a
        deadline.
    environment : dict of str to str
        The variables that ``@environment`` sets.
    ranges : int or None
        On a foreach step: give out the splits in ranges of at most this many, each
        ``[first, after the last]``.
    seconds : int or None
        After which the job itself ends the task, whatever the step's code does. Told where a job has
        several tasks; else Windmill's own limit of the job is that of the task.
    chunks : bool
        On a foreach step: deal the splits, or those of each lane, into chunks, about as many as each has.
    ends : bool
        Whether the run ends with the task, so that its job also tells whether anybody waits for that.
    asks : tuple of str
        On the start step, the steps before which a person is asked.
    page : Page or None
        On the end step, where there is something: its job's result shows the whole run.
    memo : Memo or None
        Where an earlier success may stand for the task.
    renews : bool
        Whether the inputs may be clones of other runs' tasks, though the run goes on from none.
    retry_lost : int or None
        How often the task is run again because its worker was lost; None for as often as Windmill does.
    limit : int or None
        The seconds after which Windmill ends the job; told where `retry_lost` is.
    """

    step: str
    levels: tuple[Level, ...] = ()
    inputs: tuple[Input, ...] = ()
    lanes: int | None = None
    max_splits: int | None = None
    tells: Tells | None = None
    gang: bool = False
    gather: int | None = None
    recursive: bool = False
    retries: int = 0
    user_retries: int = 0
    delay: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    ranges: int | None = None
    seconds: int | None = None
    chunks: bool = False
    ends: bool = False
    asks: tuple[str, ...] = ()
    page: Page | None = None
    memo: Memo | None = None
    renews: bool = False
    retry_lost: int | None = None
    limit: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the spec as JSON, without what has its default value."""
        kept = {key: _plain(value) for key, value in vars(self).items() if value != _DEFAULTS[key]}
        return {"step": self.step, **kept}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TaskSpec:
        """Read what `to_json` wrote."""
        inputs = tuple(
            Input(tuple(ParentStep(**known(ParentStep, source)) for source in item["any_of"]), item["at"])
            for item in data.get("inputs", [])
        )
        names = {key: tuple(data.get(key, [])) for key in ("levels", "asks")}
        lists = {"inputs": inputs, **names, "page": _page(data.get("page"))}
        memo = Memo.from_json(data["memo"]) if data.get("memo") else None
        return cls(**{**known(cls, data), **lists, "memo": memo})


def _page(data: Json) -> Page | None:
    if data is None:
        return None
    found = known(Page, data)
    cards = {step: tuple(ids) for step, ids in found.get("cards", {}).items()}
    return Page(found.get("modules", {}), cards, bool(found.get("packs")))


_DEFAULTS = vars(TaskSpec(""))


def _plain(value: Json) -> Json:
    """Return a value as its JSON text read back: `asdict` copies deeply, a third of a compilation's time."""
    if isinstance(value, (str, int, float, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in (value if isinstance(value, dict) else vars(value)).items()}
