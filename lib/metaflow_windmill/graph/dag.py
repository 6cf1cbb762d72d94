"""What the compiler needs to know of a flow: its steps, how they go on, and what each asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.contract.approval import Approval
    from metaflow_windmill.types import Json

StepKind = Literal["linear", "split", "foreach", "gang", "switch", "end"]


@dataclass(frozen=True)
class Case:
    """One case of a switch: the value as the source has it, and the steps that it leads to, mostly one."""

    value: str
    step: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decorator:
    """A step decorator and what was said to it."""

    name: str
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Retries:
    """How often a step may be tried again, as Metaflow counts it.

    Parameters
    ----------
    user : int
        Further attempts at the user's code (``@retry``).
    error : int
        Attempts after those, in which ``@catch`` gives up for the user's code.
    seconds : int
        The delay before each of them.
    """

    user: int = 0
    error: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class StepPackages:
    """The environment of ``@pypi``: packages as pip writes them, and Python's version or nothing."""

    lines: tuple[str, ...] = ()
    python: str = ""


@dataclass(frozen=True)
class Remembers:
    """What ``@memo`` says of a step: whether, for how many seconds, and what is not counted."""

    enabled: bool = True
    expires: int | None = None
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Needs:
    """What a step asks of the worker that runs it.

    Parameters
    ----------
    packages : StepPackages or None
        None where the step has no environment of its own.
    resources : mapping of str to float
        Amounts above zero by Metaflow's names (``@resources``): ``cpu``, ``gpu``, ``memory`` in MB, ...
    tag : str or None
        The tag of the worker (``@windmill``).
    seconds : int or None
        After which Windmill ends the job (``@windmill``).
    pack : int or None
        How many tasks of the step one job may run (``@windmill``).
    memo : Remembers or None
        Whether an earlier success may stand for a task (``@memo``).
    gather : int or None
        Where each node of the step's gang is a job of its own (``@windmill``): how many seconds the nodes
        wait for each other.
    approval : Approval or None
        What a person is asked before the step (``@windmill``).
    retry_lost : int or None
        How often a task is run again because its worker was lost (``@windmill``).
    """

    packages: StepPackages | None = None
    resources: Mapping[str, float] = field(default_factory=dict)
    tag: str | None = None
    seconds: int | None = None
    pack: int | None = None
    memo: Remembers | None = None
    gather: int | None = None
    approval: Approval | None = None
    retry_lost: int | None = None


@dataclass(frozen=True)
class Step:
    """A step of a flow.

    Parameters
    ----------
    name : str
    kind : StepKind
        How it goes on: to one step, to several at once, to one step for each item of a list,
        to a gang of ``num_parallel`` nodes, to one of several, or not at all.
    next : tuple of str
        The steps that it may lead to, each once, in the order of the source. A step that
        returns to itself is not among them. Of a switch, a case that leads to several at once is
        there by its fan.
    joins : tuple of str
        The splits (foreaches and gangs too) that this step may close, where it takes ``inputs``:
        one, or where a switch decides between splits that share their branches, several.
    recursive : bool
        Whether a case of its switch leads back to itself.
    cases : tuple of Case
        Of a switch, in the order of the source, the way back included.
    over : str or None
        The artifact that decides: the list of a foreach, the condition of a switch.
    parallel : bool
        Whether it is the step that a gang runs.
    retries : Retries
    timeout : int or None
        Seconds that ``@timeout`` gives the user's code.
    needs : Needs
    doc : str
    decorators : tuple of Decorator
        All of them, for what is not read into a field of its own.
    case_of : str or None
        Of a fan, the switch: see `Dag.fans`.
    """

    name: str
    kind: StepKind = "linear"
    next: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    recursive: bool = False
    cases: tuple[Case, ...] = ()
    over: str | None = None
    parallel: bool = False
    retries: Retries = field(default_factory=Retries)
    timeout: int | None = None
    needs: Needs = field(default_factory=Needs)
    doc: str = ""
    decorators: tuple[Decorator, ...] = ()
    case_of: str | None = None


@dataclass(frozen=True)
class Hooks:
    """The functions of ``@exit_hook``, by how a run ended: names in the flow file, or ``module.function``."""

    on_success: tuple[str, ...] = ()
    on_error: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Something of a flow that is not carried over to Windmill.

    Parameters
    ----------
    place : str
        The step, or an empty text for the flow as a whole.
    reason : str
        What it is, why it cannot be, what to do: a clause.
    """

    place: str
    reason: str


@dataclass(frozen=True)
class Dag:
    """A flow as the compiler sees it.

    Parameters
    ----------
    name : str
        The name of the flow class.
    start, end : str
        The names of its first and last step; the same for a flow of a single step.
    steps : tuple of Step
        In topological order, the start step first.
    doc : str
    exit_hooks : Hooks
    problems : tuple of Problem
        What was found that cannot be carried over.
    fans : tuple of Step
        The splits in cases of switches that lead to several steps at once. None is a step of the flow, and
        none has a task: the switch's own task stands for it.
    """

    name: str
    start: str
    end: str
    steps: tuple[Step, ...]
    doc: str = ""
    exit_hooks: Hooks = field(default_factory=Hooks)
    problems: tuple[Problem, ...] = ()
    fans: tuple[Step, ...] = ()

    @cached_property
    def ordered(self) -> tuple[Step, ...]:
        """The steps in topological order, and the fans of each switch right after it."""
        return tuple(
            one
            for step in self.steps
            for one in (step, *(fan for fan in self.fans if fan.case_of == step.name))
        )

    @cached_property
    def _by_name(self) -> dict[str, Step]:
        return {step.name: step for step in self.ordered}

    @cached_property
    def _joins(self) -> dict[str, tuple[str, ...]]:
        joins: dict[str, tuple[str, ...]] = {}
        for step in self.ordered:
            for split in step.joins:
                joins[split] = (*joins.get(split, ()), step.name)
        return joins

    def __getitem__(self, name: str) -> Step:
        return self._by_name[name]

    def chosen_as(self, target: str) -> str:
        """Return the step by which a switch says that it chose a target: of a fan, the first of its steps."""
        step = self[target]
        return step.name if step.case_of is None else step.next[0]

    def joins_of(self, split: str) -> tuple[str, ...]:
        """Return the steps that may close a split: one, or where a switch decides, several."""
        return self._joins.get(split, ())
