"""A place in a JSON document: its value and its path, so that every fault can say where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from metaflow_windmill.types import Json

T = TypeVar("T")

_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a whole number"}


def _kind(value: Json) -> str:
    """Return what a JSON value is, in words."""
    if value is None:
        return "null"
    return "a number" if isinstance(value, float) else _KINDS[type(value)]


@dataclass(frozen=True)
class Cursor:
    """A JSON value and the path that leads to it."""

    value: Json
    path: str = ""

    def fault(self, problem: str) -> InvalidDocument:
        """Return the error that says what is wrong here."""
        return InvalidDocument(problem, self.path)

    def _expect(self, kind: type) -> Json:
        if type(self.value) is not kind:
            raise self.fault(f"expected {_KINDS[kind]} but found {_kind(self.value)}")
        return self.value

    def _under(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def object(self) -> dict[str, Json]:
        """Return the value, which must be an object."""
        found: dict[str, Json] = self._expect(dict)
        return found

    def text(self) -> str:
        """Return the value, which must be a text."""
        return str(self._expect(str))

    def flag(self) -> bool:
        """Return the value, which must be true or false."""
        return bool(self._expect(bool))

    def integer(self, bits: int, *, signed: bool = False) -> int:
        """Return the value, which must be a whole number that fits into so many bits."""
        number = int(self._expect(int))
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        if not low <= number <= high:
            raise self.fault(f"expected a whole number from {low} to {high} but found {number}")
        return number

    def items(self) -> Iterator[Cursor]:
        """Go through the value, which must be a list."""
        for index, value in enumerate(self._expect(list)):
            yield Cursor(value, f"{self.path}[{index}]")

    def members(self) -> Iterator[tuple[str, Cursor]]:
        """Go through the value, which must be an object."""
        for key, value in self.object().items():
            yield key, Cursor(value, self._under(key))

    def required(self, key: str) -> Cursor:
        """Return the place of a member that must be there.

        Raises
        ------
        InvalidDocument
            If it is absent or null.
        """
        found = self.object().get(key)
        if found is None:
            raise self.fault(f"the member '{key}' is missing")
        return Cursor(found, self._under(key))

    def maybe(self, key: str, read: Callable[[Cursor], T]) -> T | None:
        """Read a member, or return None where it is absent or null."""
        found = self.object().get(key)
        return None if found is None else read(Cursor(found, self._under(key)))

    def optional(self, key: str, read: Callable[[Cursor], T], default: T) -> T:
        """Read a member, or return the default where it is absent or null."""
        found = self.maybe(key, read)
        return default if found is None else found

    def others(self, *known: str) -> dict[str, Json]:
        """Return the members that have none of these names."""
        return {key: value for key, value in self.object().items() if key not in known}
