"""The modules that become jobs, and hold no others.

Each class has a field ``extra`` for what Windmill accepts there and this project has no use for; it is kept
as it was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.openflow.transforms import given, transforms_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.openflow.transforms import InputTransform
    from metaflow_windmill.types import Json


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
