"""What a module is: a leaf that becomes a job, or a container of other modules.

Each class has a field ``extra`` for what Windmill accepts there and this project has no use
for; it is kept as it was read. Every flag whose default differs between Windmill's code paths
(``parallel``, ``skip_failures``, ``skip_failure``) is always written out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from metaflow_windmill.openflow.transforms import (
    InputTransform,
    Number,
    number_to_json,
    transforms_to_json,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.openflow.module import Module
    from metaflow_windmill.types import Json


def given(**members: Json) -> dict[str, Json]:
    """Return the members that are there, that is, not None."""
    return {key: value for key, value in members.items() if value is not None}


def _modules(modules: tuple[Module, ...]) -> list[Json]:
    return [module.to_json() for module in modules]


@dataclass(frozen=True)
class RawScript:
    """A leaf whose code stands in the flow itself.

    Parameters
    ----------
    content : str
    input_transforms : mapping of str to InputTransform
        One for each argument of ``main``.
    language : str
        As Windmill spells it, such as ``python3``.
    lock : str or None
        Pinned requirements, one a line; None where they are still to be resolved.
    path : str or None
        Where the code is said to stand in the workspace.
    tag : str or None
        The kind of worker it wants.
    """

    content: str
    input_transforms: Mapping[str, InputTransform] = field(default_factory=dict)
    language: str = "python3"
    lock: str | None = None
    path: str | None = None
    tag: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        return {
            "type": "rawscript",
            "language": self.language,
            "content": self.content,
            "input_transforms": transforms_to_json(self.input_transforms),
            **given(lock=self.lock, path=self.path, tag=self.tag),
            **self.extra,
        }


@dataclass(frozen=True)
class Script:
    """A leaf that runs a deployed script: its latest version, or the one that `hash` names."""

    path: str
    input_transforms: Mapping[str, InputTransform] = field(default_factory=dict)
    hash: str | None = None
    tag_override: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        return {
            "type": "script",
            "path": self.path,
            "input_transforms": transforms_to_json(self.input_transforms),
            **given(hash=self.hash, tag_override=self.tag_override),
            **self.extra,
        }


@dataclass(frozen=True)
class SubFlow:
    """A deployed flow, run as a module of this one."""

    path: str
    input_transforms: Mapping[str, InputTransform] = field(default_factory=dict)
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        return {
            "type": "flow",
            "path": self.path,
            "input_transforms": transforms_to_json(self.input_transforms),
            **self.extra,
        }


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


@dataclass(frozen=True)
class Identity:
    """A module that gives back the result of the one before it."""

    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        return {"type": "identity", **self.extra}


@dataclass(frozen=True)
class Opaque:
    """A kind of module that Windmill has and this project neither writes nor runs.

    Parameters
    ----------
    type : str
        ``aiagent``, or ``flowscript`` (a leaf as the server keeps it after locking).
    content : mapping
        All the rest, as it was read.
    """

    type: str
    content: Mapping[str, Json]

    def to_json(self) -> dict[str, Json]:
        """Return the value as OpenFlow writes it."""
        return {"type": self.type, **self.content}


Value: TypeAlias = (
    RawScript | Script | SubFlow | ForLoop | WhileLoop | BranchAll | BranchOne | Identity | Opaque
)
