"""How a random flow ends: a task that fails, and functions that run afterwards, whatever became of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.graphs import Graph

NOTES = "notes"
"""The file beside a flow's that its hooks write to."""

_HEAD = """\
from metaflow import exit_hook as EXIT_HOOK


def NOTE(*words):
    with open({file!r}, "a") as notes:
        print(*words, file=notes)


"""


@dataclass(frozen=True)
class Hook:
    """A function that runs when a run is over.

    Parameters
    ----------
    name : str
    asks : bool
        Whether it takes the run.
    stumbles : bool
        Whether it fails, once it has noted that it ran.
    """

    name: str
    asks: bool
    stumbles: bool

    def text(self) -> str:
        """Return the function."""
        told = f"{self.name!r}, run.successful, len(list(run)) > 0" if self.asks else f"{self.name!r}"
        lines = [f"def {self.name}({'run' if self.asks else ''}):", f"    NOTE({told})"]
        lines += ["    raise ValueError('this hook stumbles')"] if self.stumbles else []
        return "\n".join(lines)


@dataclass(frozen=True)
class Ending:
    """What is drawn beside a graph.

    Parameters
    ----------
    on_success, on_error : tuple of Hook
    fails : str
        The step of which a task fails at each attempt; none where it is empty.
    at : int
        Those tasks whose foreach indices add up to that or more.
    """

    on_success: tuple[Hook, ...] = ()
    on_error: tuple[Hook, ...] = ()
    fails: str = ""
    at: int = 0

    def written(self, text: str, graph: Graph, notes: Path) -> str:
        """Return the text of a flow file that ends so."""
        if self.fails:
            begins = f"        ARRIVE(self, {self.fails!r}"
            before, _, after = text.partition(begins)
            rest, newline, more = after.partition("\n")
            fails = f"        if sum(index or 0 for index in self.ME[1]) >= {self.at}:\n"
            fails += "            raise RuntimeError('this task fails')\n"
            text = before + begins + rest + newline + fails + more
        hooks = (*self.on_success, *self.on_error)
        if not hooks:
            return text
        called = f"class {graph.name}(FlowSpec)"
        given = [
            f"{when}=[{', '.join(hook.name for hook in some)}]"
            for when, some in (("on_success", self.on_success), ("on_error", self.on_error))
            if some
        ]
        functions = "\n\n\n".join(hook.text() for hook in hooks)
        head = _HEAD.format(file=str(notes)) + functions + f"\n\n\n@EXIT_HOOK({', '.join(given)})\n"
        return text.replace(called, head + called)


def drawn_ending(seed: int, graph: Graph) -> Ending:
    """Draw how a flow ends: a half have hooks, a third fail. The same seed gives the same for a graph."""
    dice = random.Random(f"ending {seed} {graph.name}")
    fails = dice.choice(graph.nodes).name if dice.random() < 1 / 3 else ""
    at = dice.choice((0, 0, 1))
    if dice.random() < 1 / 2:
        return Ending(fails=fails, at=at)
    good, bad = tuple(_hooks(dice, "GOOD")), tuple(_hooks(dice, "BAD"))
    return Ending(good, bad, fails, at)


def _hooks(dice: random.Random, kind: str) -> Iterator[Hook]:
    for number in range(dice.choice((0, 1, 1, 2))):
        yield Hook(f"{kind}_{number}", dice.random() < 2 / 3, dice.random() < 1 / 4)


def noted(notes: Path) -> list[str]:
    """Return what the hooks wrote since the last question, in order."""
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    notes.unlink(missing_ok=True)
    return lines
