"""Modules that Metaflow imports and a task seldom uses, imported when Metaflow first looks into them."""

from __future__ import annotations

import builtins
import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, resolve_name
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

LATE = frozenset(
    {
        "asyncio",
        "importlib.metadata",
        "metaflow._vendor.yaml",
        "multiprocessing",
        "requests",
    }
)
"""Metaflow looks into them inside of functions only, but for what `_SESSION` says of `requests`."""
_DISTRIBUTIONS = "metaflow.packaging_sys.distribution_support"
LATE_NAMES = {
    "concurrent.futures": {"ProcessPoolExecutor", "ThreadPoolExecutor", "as_completed"},
    _DISTRIBUTIONS: {"PackagedDistributionFinder", "_ModuleInfo", "modules_to_distributions"},
}
"""What Metaflow imports of a module by name, and calls inside of functions only."""
_IMPORTER = "metaflow"


class LateModule(ModuleType):
    """Stands for a module where one of Metaflow's names it, and is the module in all that is asked of it."""

    def __getattribute__(self, name: str) -> object:
        module: str = object.__getattribute__(self, "__name__")
        if name in {"__reduce__", "__reduce_ex__"}:
            return lambda *_: (import_module, (module,))
        known = _known.get(module, {})
        return known[name] if name in known else getattr(import_module(module), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_real(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_real(self), name)

    def __dir__(self) -> list[str]:
        return dir(_real(self))

    def __repr__(self) -> str:
        return repr(_real(self))


def _real(late: ModuleType) -> ModuleType:
    return import_module(object.__getattribute__(late, "__name__"))


class LateName:
    """Stands for a class or a function in the same way."""

    def __init__(self, module: str, name: str) -> None:
        self._real: Callable[[], Any] = lambda: getattr(import_module(module), name)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real(), name)

    def __call__(self, *given: object, **named: object) -> object:
        """Call it."""
        return self._real()(*given, **named)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real())


class LateFinder:
    """Finds the packages that came with the code, by Metaflow's own finder once somebody looks for one."""

    def __init__(self, *given: object) -> None:
        self._given = given

    def find_spec(self, *_: object) -> None:
        """Find no module, as Metaflow's."""

    def find_distributions(self, *context: object) -> Iterable[object]:
        """Return what Metaflow's finds."""
        finder = import_module(_DISTRIBUTIONS).PackagedDistributionFinder(*self._given)
        found: Iterable[object] = finder.find_distributions(*context)
        return found


class LateSession:
    """A session of `requests` that is made when it is first used."""

    def __init__(self) -> None:
        self._mounts: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> object:
        if name == "mount" and _known:
            return lambda prefix, options: self._mounts.append((prefix, options))
        if "_session" not in vars(self):
            import requests

            session = requests.Session()
            for prefix, options in self._mounts:
                session.mount(prefix, requests.adapters.HTTPAdapter(**options))
            vars(self).setdefault("_session", session)
        return getattr(vars(self)["_session"], name)


_SESSION = {"requests": {"Session": LateSession, "adapters": SimpleNamespace(HTTPAdapter=dict)}}
"""What the class of the metadata service's client asks of `requests` while it is made."""
_known: dict[str, dict[str, Any]] = {}


@contextmanager
def imported_late() -> Iterator[None]:
    """Give Metaflow's modules, and nobody else's, a `LateModule` for each of `LATE` that they import now.

    None is ever in ``sys.modules``: who else imports such a module gets it. What is there already,
    what is not installed, and what is imported in a way that is not known here goes the usual way.
    """
    usual = builtins.__import__

    def import_(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 (the names of `__import__`)
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if str((globals or {}).get("__name__")).partition(".")[0] == _IMPORTER:
            stands: ModuleType | None = _late(
                name, str((globals or {}).get("__package__")), fromlist or (), level
            )
            if stands is not None:
                return stands
        return usual(name, globals, locals, fromlist or (), level)

    builtins.__import__ = import_
    _known.update(_SESSION)
    try:
        yield
    finally:
        builtins.__import__ = usual
        _known.clear()


def _late(name: str, package: str, wanted: Sequence[str], level: int) -> Any:  # noqa: ANN401
    """Return what an import is given in place of a module; None if it is to be made now."""
    if not wanted:
        alone = "." not in name  # `import a.b` asks for a
        return LateModule(name) if alone and not level and is_late(name) else None
    module = resolve_name("." * level + name, package) if level else name
    if LATE_NAMES.get(module, set()).issuperset(wanted):
        return SimpleNamespace(**{name: _late_name(module, name) for name in wanted})
    if len(wanted) == 1 and is_late(whole := f"{module}.{wanted[0]}"):
        return SimpleNamespace(**{wanted[0]: LateModule(whole)})
    return None


def _late_name(module: str, name: str) -> object:
    return LateFinder if name == "PackagedDistributionFinder" else LateName(module, name)


def is_late(name: str) -> bool:
    """Tell whether a module can be imported later just as well."""
    return name in LATE and name not in sys.modules and find_spec(name) is not None
