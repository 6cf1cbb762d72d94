"""Whether artifacts hold nothing of the user's own code.

A pickle names the classes and functions of its objects, and whoever reads it runs their code as it is now. So
a task whose inputs hold such objects depends on more of the package than its own code names.
"""

from __future__ import annotations

import pickle
import sys
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.runtime.position.tasks import StoredArtifact, Tasks

MOST_READ = 256 * 1024 * 1024
"""Bytes of inputs that are looked at; more may hold anything."""

_VALUES = frozenset(
    f"<class '{name}'>" for name in ("NoneType", "bool", "bytes", "complex", "float", "int", "str")
)
_HOLDS_CODE = frozenset({"__main__", "importlib", "marshal", "pickle", "runpy", "types", "_pickle"})
_LIBRARIES = frozenset({"metaflow", "numpy", "pandas", "polars", "pyarrow", "scipy", "sklearn"})
_OF_PYTHON_2 = frozenset({"__builtin__", "copy_reg", "exceptions", "itertools"})  # in the older protocols
_KNOWN = (sys.stdlib_module_names | _LIBRARIES | _OF_PYTHON_2) - _HOLDS_CODE
"""Packages whose own objects hold no code of others but what the pickle names too."""


def are_plain(contents: Iterable[StoredArtifact], tasks: Tasks) -> bool:
    """Tell whether artifacts surely hold no object of the user's own code.

    Parameters
    ----------
    contents : iterable of StoredArtifact
    tasks : Tasks
        Where their bytes are read.
    """
    doubtful = {one.sha: one for one in contents if one.type not in _VALUES}
    if sum(one.size for one in doubtful.values()) > MOST_READ:
        return False
    if not all(one.encoding.rpartition("+")[2].startswith("pickle") for one in doubtful.values()):
        return False
    return all(is_plain(blob) for blob in tasks.blobs(doubtful))


def is_plain(pickled: bytes) -> bool:
    """Tell whether a pickle surely names nothing of the user's own code; nothing of it is imported or run."""
    reader = _Reader(BytesIO(pickled))
    try:
        reader.load()
    except Exception:  # noqa: BLE001 (a pickle that cannot be followed may hold anything)
        return False
    return reader.modules <= _KNOWN


class _Anything:
    """Stands for any class, function and object in a pickle."""

    def __new__(cls, *_: object, **__: object) -> _Anything:  # noqa: PYI034
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        """Take whatever an object is made with."""

    def __call__(self, *_: object, **__: object) -> _Anything:
        return self

    def __setstate__(self, state: object) -> None:
        """Take whatever an object is filled with."""

    def __setitem__(self, key: object, value: object) -> None:
        """Take what a mapping is filled with."""

    def append(self, item: object) -> None:
        """Take what a list is filled with."""

    extend = add = append


class _Reader(pickle.Unpickler):
    """Reads a pickle without anything that it names, and remembers the packages of that."""

    def __init__(self, file: BytesIO) -> None:
        super().__init__(file)
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> type[_Anything]:  # noqa: ARG002
        """Remember a package."""
        self.modules.add(module.partition(".")[0])
        return _Anything
