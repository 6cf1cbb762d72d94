"""Goes through all modules of an OpenFlow value, each with the containers around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class Around:
    """A container around a module, and which of its branches the module stands in."""

    id: str
    type: str
    branch: int


@dataclass(frozen=True)
class Found:
    """A module, and the containers around it, outermost first."""

    module: Json
    around: tuple[Around, ...]

    @property
    def id(self) -> str:
        return str(self.module["id"])

    @property
    def type(self) -> str:
        return str(self.module["value"]["type"])

    @property
    def is_task(self) -> bool:
        """Whether it runs a step of Metaflow, and is not the one that publishes the end of the run."""
        return (
            self.type == "rawscript" and "step" in self.module["value"]["input_transforms"]["task"]["value"]
        )

    @property
    def step(self) -> str:
        """The step of Metaflow that a leaf runs."""
        return str(self.module["value"]["input_transforms"]["task"]["value"]["step"])

    def parts_from(self, other: Found) -> str | None:
        """Return the type of the container in whose branches the ways to two modules part."""
        ways = zip(self.around, other.around, strict=False)
        parting = next(((one, two) for one, two in ways if one != two), None)
        if parting is None or parting[0].id != parting[1].id:
            return None
        return parting[0].type


def all_modules(modules: Json, around: tuple[Around, ...] = ()) -> Iterator[Found]:
    """Go through modules and what they contain, each before its contents."""
    for module in modules:
        yield Found(module, around)
        for number, branch in enumerate(_branches(module["value"])):
            here = Around(module["id"], module["value"]["type"], number)
            yield from all_modules(branch, (*around, here))


def _branches(value: Json) -> list[Json]:
    rows = [branch["modules"] for branch in value.get("branches", [])]
    return [*rows, *(value[key] for key in ("default", "modules") if key in value)]
