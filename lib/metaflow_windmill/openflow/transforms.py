"""Where an input of a module comes from: a constant, or an expression over the run so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Static:
    """A constant, known when the flow is written."""

    value: Json = None

    def to_json(self) -> dict[str, Json]:
        """Return the transform as OpenFlow writes it."""
        return {"type": "static", "value": self.value}


@dataclass(frozen=True)
class Javascript:
    """An expression that the server evaluates when the module is about to run."""

    expr: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return the transform as OpenFlow writes it."""
        return {"type": "javascript", "expr": self.expr}


@dataclass(frozen=True)
class Ai:
    """A value that a language model fills in; only the tools of an AI agent have it."""

    def to_json(self) -> dict[str, Json]:
        """Return the transform as OpenFlow writes it."""
        return {"type": "ai"}


InputTransform: TypeAlias = Static | Javascript | Ai
Number: TypeAlias = int | InputTransform
"""A number of the document: bare, or as a transform."""


def number_to_json(number: Number) -> Json:
    """Return a number as OpenFlow writes it."""
    return number if isinstance(number, int) else number.to_json()


def transforms_to_json(transforms: Mapping[str, InputTransform]) -> dict[str, Json]:
    """Return the inputs of a module as OpenFlow writes them, in their order."""
    return {name: transform.to_json() for name, transform in transforms.items()}


def given(**members: Json) -> dict[str, Json]:
    """Return the members that are there, that is, not None."""
    return {key: value for key, value in members.items() if value is not None}
