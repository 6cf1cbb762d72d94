"""What a task has made: names, types and sizes from the datastore, with texts of what is small."""

from __future__ import annotations

import io
import pickle
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from metaflow_windmill.internals.running import artifacts_in, bytes_of, short_lived
from metaflow_windmill.runtime.report.value_text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.internals.shapes import TaskFlow, TaskStore
    from metaflow_windmill.runtime.output.masking import Mask
    from metaflow_windmill.types import Json

SMALL = 4096
"""Bytes up to which an artifact that the task only handed on is fetched to be shown."""
LARGE = 100_000
"""Bytes from which an artifact is told by its size alone."""
MOST_FETCHED = 20
SECONDS = 1.0
"""After which no further one is fetched."""

_SHORT = re.compile(r"<class '(?:(?:builtins|__main__)\.)?(.*)'>")
_PICKLED = ("pickle", "gzip+pickle")


@dataclass(frozen=True)
class Artifact:
    """One artifact.

    Parameters
    ----------
    name, type : str
    size : int
        Bytes, as it is pickled.
    text : str
        The value, if it is small; else nothing.
    """

    name: str
    type: str
    size: int
    text: str = ""


def values_of(flow: TaskFlow) -> dict[str, object]:
    """Return what a flow's step has set or read, by name."""
    hidden = {"name", *short_lived(flow)}
    return {name: value for name, value in vars(flow).items() if not (name.startswith("_") or name in hidden)}


def artifacts_of(datastore: TaskStore, texts: Mapping[str, str], mask: Mask) -> list[Artifact]:
    """Return the artifacts of a task, by name.

    Parameters
    ----------
    datastore : TaskDataStore
        Of the task, to read from.
    texts : mapping of str to str
        What the task's own process said of its values.
    mask : Mask
        For what is fetched here.
    """
    infos = artifacts_in(datastore)
    names = sorted(name for name in infos if not name.startswith("_") and name != "name")
    end, left, found = time.monotonic() + SECONDS, MOST_FETCHED, []
    for name in names:
        info, text = infos[name], texts.get(name)
        if text is None and left and info.get("size", SMALL) < SMALL and time.monotonic() < end:
            left, text = left - 1, _fetched(datastore, name, mask)
        size = int(info.get("size", 0))
        found.append(Artifact(name, _type(info), size, mask.text(text or "") if size < LARGE else ""))
    return found


def _fetched(datastore: TaskStore, name: str, mask: Mask) -> str:
    """Return the text of an artifact of Python's own types; nothing of any other, whose code would run."""
    if not str(artifacts_in(datastore)[name].get("encoding", "")).startswith(_PICKLED):
        return ""
    with suppress(Exception):
        return shown(_PlainUnpickler(io.BytesIO(bytes_of(datastore, name))).load(), mask)
    return ""


class _PlainUnpickler(pickle.Unpickler):
    """Reads numbers, texts and what is made of them: it finds no class, so no code of anybody's runs."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"{module}.{name}")


def _type(info: Mapping[str, Json]) -> str:
    """Return a class by its package and its name: ``pandas.DataFrame``, ``list``."""
    found = _SHORT.fullmatch(str(info.get("type", "")))
    parts = found[1].split(".") if found else [str(info.get("type", ""))]
    return ".".join(dict.fromkeys((parts[0], parts[-1])))
