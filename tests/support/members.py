"""Which members of a Protocol an object lacks."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def lacking(shape: type, item: object) -> Iterator[str]:
    """Yield the members that a Protocol says of an object, and the object has not."""
    names = [name for name, member in vars(shape).items() if isinstance(member, FunctionType)]
    own = [name for name in names if vars(shape)[name].__qualname__ == f"{shape.__name__}.{name}"]
    for name in (*shape.__annotations__, *own):
        if not hasattr(item, name):
            yield f"{shape.__name__}.{name} of {type(item).__name__}"
