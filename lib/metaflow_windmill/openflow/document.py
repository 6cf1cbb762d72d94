"""A flow, its modules, and what they are: a leaf, or a container of other modules.

These types are made of one another, so they stand in one file. Every flag whose default differs between
Windmill's code paths (``parallel``, ``skip_failures``, ``skip_failure``) is always written out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from metaflow_windmill.openflow.leaves import Identity, Opaque, RawScript, Script, SubFlow
from metaflow_windmill.openflow.transforms import InputTransform, Number, given, number_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.openflow.rules import Mock, Retry, StopAfterIf, Suspend
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class ForLoop:
    """Its modules once for each item of a list, one after the other or all at once."""

    iterator: InputTransform
    modules: tuple[Module, ...]
    parallel: bool = False
    skip_failures: bool = False
    parallelism: Number | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        parallelism = None if self.parallelism is None else number_to_json(self.parallelism)
        return {
            "type": "forloopflow",
            "iterator": self.iterator.to_json(),
            "parallel": self.parallel,
            "skip_failures": self.skip_failures,
            **given(parallelism=parallelism),
            "modules": _modules(self.modules),
            **self.extra,
        }


@dataclass(frozen=True)
class WhileLoop:
    """Its modules again and again, until a ``stop_after_if`` says that it is enough."""

    modules: tuple[Module, ...]
    skip_failures: bool = False
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        return {
            "type": "whileloopflow",
            "skip_failures": self.skip_failures,
            "modules": _modules(self.modules),
            **self.extra,
        }


@dataclass(frozen=True)
class Arm:
    """One of the branches of a `BranchAll`."""

    modules: tuple[Module, ...]
    summary: str | None = None
    skip_failure: bool = False
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the branch as OpenFlow writes it."""
        return {
            **given(summary=self.summary),
            "skip_failure": self.skip_failure,
            "modules": _modules(self.modules),
            **self.extra,
        }


@dataclass(frozen=True)
class BranchAll:
    """Every one of its branches."""

    branches: tuple[Arm, ...]
    parallel: bool = True
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        return {
            "type": "branchall",
            "parallel": self.parallel,
            "branches": [arm.to_json() for arm in self.branches],
            **self.extra,
        }


@dataclass(frozen=True)
class Branch:
    """One of the branches of a `BranchOne`: taken where `expr` is the first that holds."""

    expr: str
    modules: tuple[Module, ...]
    summary: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the branch as OpenFlow writes it."""
        return {
            **given(summary=self.summary),
            "expr": self.expr,
            "modules": _modules(self.modules),
            **self.extra,
        }


@dataclass(frozen=True)
class BranchOne:
    """The first of its branches whose predicate holds, or else the default."""

    branches: tuple[Branch, ...]
    default: tuple[Module, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        return {
            "type": "branchone",
            "branches": [branch.to_json() for branch in self.branches],
            "default": _modules(self.default),
            **self.extra,
        }


Value: TypeAlias = (
    RawScript | Script | SubFlow | ForLoop | WhileLoop | BranchAll | BranchOne | Identity | Opaque
)


@dataclass(frozen=True)
class Module:
    """A module of a flow.

    Parameters
    ----------
    id : str
        Its name in expressions, as in ``results.<id>``.
    value : Value
    summary : str or None
        What the page of the flow shows.
    retry : Retry or None
    timeout : int, InputTransform or None
        Seconds; the server enforces it on leaves only.
    stop_after_if, stop_after_all_iters_if : StopAfterIf or None
    skip_if : str or None
        An expression.
    sleep : InputTransform or None
        Seconds, between this module and the next.
    suspend : Suspend or None
    continue_on_error : bool
    mock : Mock or None
    extra : mapping
        What Windmill accepts here and this project has no use for.
    """

    id: str
    value: Value
    summary: str | None = None
    retry: Retry | None = None
    timeout: Number | None = None
    stop_after_if: StopAfterIf | None = None
    stop_after_all_iters_if: StopAfterIf | None = None
    skip_if: str | None = None
    sleep: InputTransform | None = None
    suspend: Suspend | None = None
    continue_on_error: bool = False
    mock: Mock | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the module as OpenFlow writes it."""
        return {
            "id": self.id,
            **given(summary=self.summary),
            "value": self.value.to_json(),
            **self._rules(),
            **self.extra,
        }

    def _rules(self) -> dict[str, Json]:
        """Return when and how the module runs, as far as anything is said of it."""
        parts = {
            "retry": self.retry,
            "stop_after_if": self.stop_after_if,
            "stop_after_all_iters_if": self.stop_after_all_iters_if,
            "sleep": self.sleep,
            "suspend": self.suspend,
            "mock": self.mock,
        }
        return {
            **{key: part.to_json() for key, part in parts.items() if part is not None},
            **given(timeout=None if self.timeout is None else number_to_json(self.timeout)),
            **given(skip_if=None if self.skip_if is None else {"expr": self.skip_if}),
            **given(continue_on_error=self.continue_on_error or None),
        }


@dataclass(frozen=True)
class FlowValue:
    """The value of a flow: its modules and what holds for all of them.

    Parameters
    ----------
    modules : tuple of Module
    failure_module : Module or None
        Runs where one of the modules has failed for good.
    preprocessor_module : Module or None
        Turns what a trigger brought into the flow's arguments.
    same_worker : bool
    flow_env : mapping of str to JSON
        Constants of the flow, ``flow_env.<name>`` in expressions.
    skip_expr : str or None
        The flow does nothing where this expression holds.
    early_return : str or None
        The id of the module whose result answers a caller that waits.
    extra : mapping
        What Windmill accepts here and this project has no use for.
    """

    modules: tuple[Module, ...] = ()
    failure_module: Module | None = None
    preprocessor_module: Module | None = None
    same_worker: bool = False
    flow_env: Mapping[str, Json] = field(default_factory=dict)
    skip_expr: str | None = None
    early_return: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        specials = {"failure_module": self.failure_module, "preprocessor_module": self.preprocessor_module}
        return {
            "modules": [module.to_json() for module in self.modules],
            **{key: module.to_json() for key, module in specials.items() if module is not None},
            **given(same_worker=self.same_worker or None, flow_env=dict(self.flow_env) or None),
            **given(skip_expr=self.skip_expr, early_return=self.early_return),
            **self.extra,
        }


def _modules(modules: tuple[Module, ...]) -> list[Json]:
    return [module.to_json() for module in modules]
