"""When and how a module runs: again after a failure, never, not yet, or as the last one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.openflow.transforms import given

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
