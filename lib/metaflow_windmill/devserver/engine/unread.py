"""Results that are read only when something asks: the list of a loop may be long, and few look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Unread:
    """A result that is still where it is kept, and how to read it."""

    read: Callable[[], Json]


def known(result: Json) -> Json:
    """Return a result, read now if it was not before."""
    return result.read() if isinstance(result, Unread) else result
