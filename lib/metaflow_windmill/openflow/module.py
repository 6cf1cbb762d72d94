"""A module of a flow, with all that may be said of when and how it runs, and the flow itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.openflow.transforms import InputTransform, Number, number_to_json
from metaflow_windmill.openflow.values import Value, given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class StopAfterIf:
    """End the flow (or the loop) after this module where an expression over its result holds.

    Parameters
    ----------
    expr : str
    skip_if_stopped : bool
        Whether the flow then counts as skipped rather than as done.
    error_message : str or None
        Where given, the flow fails with it.
    error_include_result : bool
    """

    expr: str
    skip_if_stopped: bool = False
    error_message: str | None = None
    error_include_result: bool = False

    def to_json(self) -> dict[str, Json]:
        """Return the condition as OpenFlow writes it."""
        return {
            "expr": self.expr,
            "skip_if_stopped": self.skip_if_stopped,
            **given(error_message=self.error_message),
            **given(error_include_result=self.error_include_result or None),
        }


@dataclass(frozen=True)
class ConstantDelay:
    """Again after always the same number of `seconds`, `attempts` times."""

    attempts: int = 0
    seconds: int = 0

    def to_json(self) -> dict[str, Json]:
        """Return the rule as OpenFlow writes it."""
        return {"attempts": self.attempts, "seconds": self.seconds}


@dataclass(frozen=True)
class ExponentialDelay:
    """Again after `multiplier` times `seconds` to the power of the failures so far."""

    attempts: int = 0
    multiplier: int = 1
    seconds: int = 0
    random_factor: int | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the rule as OpenFlow writes it."""
        return {
            "attempts": self.attempts,
            "multiplier": self.multiplier,
            "seconds": self.seconds,
            **given(random_factor=self.random_factor),
        }


@dataclass(frozen=True)
class Retry:
    """How often a failed module runs again: the constant attempts first, then the exponential ones."""

    constant: ConstantDelay = field(default_factory=ConstantDelay)
    exponential: ExponentialDelay = field(default_factory=ExponentialDelay)
    retry_if: str | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the rule as OpenFlow writes it."""
        document: dict[str, Json] = {}
        if self.constant != ConstantDelay():
            document["constant"] = self.constant.to_json()
        if self.exponential != ExponentialDelay():
            document["exponential"] = self.exponential.to_json()
        if self.retry_if is not None:
            document["retry_if"] = {"expr": self.retry_if}
        return document


@dataclass(frozen=True)
class Suspend:
    """Wait after this module for `required_events` approvals, at most `timeout` seconds."""

    required_events: int | None = None
    timeout: int | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the rule as OpenFlow writes it."""
        return {**given(required_events=self.required_events, timeout=self.timeout), **self.extra}


@dataclass(frozen=True)
class Mock:
    """A result that stands in for the module's own."""

    enabled: bool
    return_value: Json = None

    def to_json(self) -> dict[str, Json]:
        """Return the rule as OpenFlow writes it."""
        return {"enabled": self.enabled, **given(return_value=self.return_value)}


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
