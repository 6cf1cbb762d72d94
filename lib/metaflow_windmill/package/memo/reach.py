"""The code of a step: its function, and all in the user's own files that it may come to call.

Found by names alone, and rather too much than too little. What runs when a file is loaded always counts; a
function, a class or a constant counts where its name stands anywhere in what counts, as a word of a text too;
a file is loaded where anything that counts imports it. Of other steps only what is evaluated with the class
counts. Where code may be reached in other ways, all of the package is the step's code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metaflow_windmill.package.imports import parsed
from metaflow_windmill.package.memo.digests import digest
from metaflow_windmill.package.memo.units import IMPORT, Units, units_of
from metaflow_windmill.package.memo.used_names import UsedNames, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from metaflow_windmill.package.memo.units import CodeUnit

MOST_TEXT = 5_000_000
"""Characters in all Python files beyond which they are not looked at one by one."""

_DOTTED = re.compile(r"([A-Za-z_]\w*)[.:][A-Za-z_]")
_LOADED_BY_PYTHON = frozenset({"sitecustomize", "usercustomize"})


@dataclass(frozen=True)
class StepCode:
    """A digest of a step's code; why it is that of the whole package, if it is."""

    digest: str
    why_whole: str = ""


class PackageCode:
    """The Python files of a package.

    Parameters
    ----------
    texts : mapping of str to str
        By their names from the folder of the flow on.
    flow_file : str
        The one that is run.
    steps : iterable of str
    called_by_metaflow : iterable of str
        Methods of a flow that Metaflow calls.
    told : str
        All that code may be told beside: what configs and data files say.
    """

    def __init__(
        self,
        texts: Mapping[str, str],
        flow_file: str,
        steps: Iterable[str],
        *,
        called_by_metaflow: Iterable[str] = (),
        told: str = "",
    ) -> None:
        self._texts, self._flow_file, self._told = texts, flow_file, told
        self._steps, self._called = frozenset(steps), frozenset(called_by_metaflow)
        self._units: dict[str, Units | None] = {}
        self._own = frozenset(part for name in texts for part in _place_of(name))

    def of(self, step: str, whole: str) -> StepCode:
        """Return what the code of a step is, `whole` being the digest of the package."""
        if sum(map(len, self._texts.values())) > MOST_TEXT:
            return StepCode(whole, "the package has more code than is looked at")
        reached = _Reached(self, step)
        reached.go_through()
        if not reached.why and step not in {part.step for part in reached.parts.values()}:
            reached.why = "its function is in none of the package's files"
        if reached.why:
            return StepCode(whole, reached.why)
        return StepCode(digest(reached.text))

    def units(self, name: str) -> Units | None:
        """Return the parts of a file; None where it is no Python."""
        if name not in self._units:
            tree = parsed(self._texts[name])
            found = None if tree is None else units_of(tree, self._steps, self._called, self._own)
            self._units[name] = found
        return self._units[name]

    @cached_property
    def first(self) -> list[str]:
        """The files that are loaded whatever the step."""
        return [self._flow_file, *(name for name in self._texts if _module_of(name) in _LOADED_BY_PYTHON)]

    @cached_property
    def told_names(self) -> UsedNames:
        """What data and configs may name."""
        return UsedNames(used=words_of(self._told))

    def files_of(self, module: str) -> Iterator[str]:
        """Yield the files that a module may be, wherever the search path begins; with those around it."""
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            end = PurePosixPath(*parts[:length]).parts
            for name in self._texts:
                if _place_of(name)[-len(end) :] == end:
                    yield name

    def named_in(self, texts: AbstractSet[str]) -> Iterator[str]:
        """Yield the files that texts name as modules, which a library may import."""
        words = set(texts) | {word for text in texts for word in _DOTTED.findall(text)}
        words |= words_of(self._told)
        return (name for name in self._texts if _module_of(name) in words)


@dataclass
class _Reached:
    """What counts of the files, growing until nothing more does."""

    code: PackageCode
    step: str
    parts: dict[tuple[str, int], CodeUnit] = field(default_factory=dict)
    why: str = ""
    files: set[str] = field(default_factory=set)
    names: UsedNames = field(default_factory=UsedNames)
    open: dict[tuple[str, int], CodeUnit] = field(default_factory=dict)

    def go_through(self) -> None:
        """Take in files and parts until nothing that is left is named."""
        self.names.add(self.code.told_names)
        waiting = self.code.first
        while waiting and not self.why:
            for file in waiting:
                self._load(file)
            while self._take_parts():
                pass
            waiting = self._further()

    @property
    def text(self) -> list[tuple[str, str]]:
        """All that counts, in the order in which it stands in the files."""
        return [(place[0], self.parts[place].text) for place in sorted(self.parts)]

    def _load(self, file: str) -> None:
        self.files.add(file)
        units = self.code.units(file)
        if units is None:
            self.why = f"{file} is no Python that can be read"
            return
        self.open |= {(file, number): part for number, part in enumerate(units.parts)}
        for part in units.parts:
            if part.name.startswith(IMPORT):
                self.names.imports |= part.names.imports
                self.names.renamed |= part.names.renamed

    def _take_parts(self) -> bool:
        """Take in what is named by now; tell whether that was anything."""
        self.names.used |= {name for given, name in self.names.renamed if given in self.names.used}
        taken = [place for place, part in self.open.items() if self._counts(part)]
        for place in taken:
            part = self.parts[place] = self.open.pop(place)
            units = self.code.units(place[0])
            why = units.undecided(part) if units and not self.why else ""
            self.why = self.why or (f"{place[0]}, {why}" if why else "")
            self.names.add(part.names)
        return bool(taken) and not self.why

    def _counts(self, part: CodeUnit) -> bool:
        if part.step:
            return part.step == self.step or part.step in self.names.called
        return not part.name or part.name.removeprefix(IMPORT) in self.names.used

    def _further(self) -> list[str]:
        """Return the files that what counts imports and that are not loaded yet."""
        named = {file for module, _ in self.names.imports for file in self.code.files_of(module)}
        return sorted((named | set(self.code.named_in(self.names.texts))) - self.files)


def _place_of(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name).with_suffix("")
    return path.parts[:-1] if path.name == "__init__" else path.parts


def _module_of(name: str) -> str:
    """Return the last part of a module's name."""
    return next(iter(reversed(_place_of(name))), "")
