"""Where a notebook shows something, changed while somebody waits; IPython is used where it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Handle(Protocol):
    """A place that can be shown anew: IPython's ``DisplayHandle``."""

    def update(self, obj: object, **kwargs: object) -> None:
        """Show something else in this place."""


class Displays:
    """The places of a notebook that show one thing."""

    def __init__(self) -> None:
        self._handles: list[Handle] = []
        self._shown: Mapping[str, str] = {}

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show it in one more place; IPython asks for it, so it is there."""
        from IPython.display import display

        handle = display(dict(bundle), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if handle is not None and _can_be_changed():
            self._handles.append(handle)
            self._shown = bundle

    def update(self, bundle: Mapping[str, str]) -> None:
        """Show it as it is now, wherever it is shown."""
        if not self._handles or bundle == self._shown:
            return
        self._shown = bundle
        for handle in self._handles:
            handle.update(dict(bundle), raw=True)


def _can_be_changed() -> bool:
    """Tell whether what was shown can be shown anew: a notebook can, a terminal would print it once more."""
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
