"""Metaflow graphs as plain data: an algebra whose every value is a well-formed graph, and what it lowers to.

`tests.support.strategies` draws random graphs, `tests.support.flow_files` writes one as a flow
file, `tests.support.expected` says which tasks a run of it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Key: TypeAlias = str | int | float | bool
Kind = Literal["linear", "split", "foreach", "gang", "switch", "end"]

MERGE = -1
"""The target of a case or a block that leaves its `Switch`."""


# The plain graph: what Metaflow knows of a flow, and what each step decides when it runs.


@dataclass(frozen=True)
class Node:
    """A step of a graph.

    Parameters
    ----------
    name : str
    kind : Kind
        How the step goes on.
    next : tuple of str
        The steps it names, a recursive step's own name included.
    join : bool
        Whether the step takes ``inputs``.
    items : int
        How many splits a foreach makes, how many nodes a gang has.
    cases : tuple of (Key, str)
        Of a switch, in the order of the source; a case that leads to several steps has the first of them.
    fans : tuple of tuple of str
        The steps of each case that leads to several.
    picks : tuple of Key
        The condition's value, by the task's position: its split indices' sum modulo the length.
    turns : tuple of int
        How often a recursive step returns to itself, by position as `picks`.
    failures : int
        How many attempts fail before the one that does not.
    caught : bool
        Whether that one fails too, and the step catches it.
    """

    name: str
    kind: Kind = "linear"
    next: tuple[str, ...] = ()
    join: bool = False
    items: int = 0
    cases: tuple[tuple[Key, str], ...] = ()
    fans: tuple[tuple[str, ...], ...] = ()
    picks: tuple[Key, ...] = ()
    turns: tuple[int, ...] = (0,)
    failures: int = 0
    caught: bool = False

    @property
    def recursive(self) -> bool:
        """Whether a case of the step names the step."""
        return self.kind == "switch" and self.name in self.next

    def together(self, step: str) -> tuple[str, ...]:
        """Return the steps of the case that leads to a step: mostly itself alone."""
        return next((fan for fan in self.fans if fan[0] == step), (step,))

    def again(self) -> Key:
        """Return the case that names the step itself."""
        return next(key for key, step in self.cases if step == self.name)

    def choose(self, indices: tuple[int, ...], turn: int) -> str:
        """Return the step that a switch goes on to, by the task's foreach indices and its turn."""
        position = sum(indices)
        if self.recursive and turn < self.turns[position % len(self.turns)]:
            return self.name
        value = self.picks[position % len(self.picks)]
        return next(step for key, step in self.cases if key == value)  # of several, the first


@dataclass(frozen=True)
class Graph:
    """A flow's graph; the first node is the start step, the last one the end step."""

    name: str
    nodes: tuple[Node, ...]

    def __getitem__(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def before(self, node: Node) -> Node:
        """Return a step that leads to the given one."""
        return next(other for other in self.nodes if node.name in other.next and other is not node)

    @property
    def start(self) -> Node:
        """The step that runs first."""
        return self.nodes[0]

    @property
    def end(self) -> Node:
        """The step that runs last."""
        return self.nodes[-1]


# The algebra. It has no names: `lower` gives them out.


@dataclass(frozen=True)
class Step:
    """A step that leads to whatever comes after it."""

    failures: int = 0
    caught: bool = False


@dataclass(frozen=True)
class Split:
    """A static split into `arms`, with the join that matches.

    Parameters
    ----------
    arms : tuple of Body
    heads : int
        With more than one, a switch chooses between as many steps that split into the same arms.
    joins : int
        With more than one, each arm ends in a switch between as many joins, and all take the same.
    way : int
        Which head and which join, modulo their number.
    """

    arms: tuple[Body, ...]
    heads: int = 1
    joins: int = 1
    way: int = 0


@dataclass(frozen=True)
class Foreach:
    """A foreach over `items` items, with the join that matches; the rest as in `Split`.

    Each further head has one item more.
    """

    items: int
    body: Body
    heads: int = 1
    joins: int = 1
    way: int = 0


@dataclass(frozen=True)
class Gang:
    """A ``num_parallel`` of `nodes`, its one ``@parallel`` step and the join."""

    nodes: int


@dataclass(frozen=True)
class Choice:
    """A step that ends in a switch.

    Parameters
    ----------
    cases : tuple of (Key, int)
        Each value and the block that it leads to, or `MERGE`.
    picks : tuple of int
        The cases taken, as indices into `cases`, by position (see `Node.picks`).
    again : Key or None
        The value that leads back to the step itself.
    turns : tuple of int
        How often that value comes first, by position.
    """

    cases: tuple[tuple[Key, int], ...]
    picks: tuple[int, ...] = (0,)
    again: Key | None = None
    turns: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Block:
    """Steps inside a `Switch`, and what follows: a later block, `MERGE`, or a choice among them."""

    body: Body
    then: int | Choice = MERGE


@dataclass(frozen=True)
class Switch:
    """A conditional region: a first choice, and blocks that lead to later blocks only.

    Cases that share a step, jump over others, or choose again inside an arm into a
    neighbour's arm are all targets of this one form.
    """

    first: Choice
    blocks: tuple[Block, ...]


Part: TypeAlias = Step | Split | Foreach | Gang | Switch
Body: TypeAlias = tuple[Part, ...]


def leads_straight(body: Body) -> bool:
    """Return whether a switch inside `body` names whatever follows `body`.

    Metaflow forbids it where that is a join.
    """
    if not body or not isinstance(body[-1], Switch):
        return False
    switch = body[-1]
    choices = [switch.first, *(b.then for b in switch.blocks if isinstance(b.then, Choice))]
    if any(target == MERGE for choice in choices for _, target in choice.cases):
        return True
    return any(block.then == MERGE and leads_straight(block.body) for block in switch.blocks)


@dataclass
class _Lowering:
    """The nodes made so far, from the end backwards, under numbers for names."""

    nodes: list[Node] = field(default_factory=list)
    given: Iterator[int] = field(default_factory=count)

    def name(self) -> str:
        return str(next(self.given))

    def body(self, body: Body, after: str) -> str:
        """Lower `body` so that it leads to the step `after`; return its first step."""
        for part in reversed(body):
            after = self.part(part, after)
        return after

    def part(self, part: Part, after: str) -> str:
        if isinstance(part, Switch):
            return self.switch(part, after)
        if isinstance(part, Gang):
            return self.gang(part, after)
        if isinstance(part, Step):
            return self.add(Node(self.name(), next=(after,), failures=part.failures, caught=part.caught))
        return self.fan(part, after)

    def add(self, node: Node) -> str:
        self.nodes.append(node)
        return node.name

    def gang(self, gang: Gang, after: str) -> str:
        join = self.add(Node(self.name(), next=(after,), join=True))
        member = self.add(Node(self.name(), next=(join,)))
        return self.add(Node(self.name(), "gang", (member,), items=gang.nodes))

    def fan(self, part: Split | Foreach, after: str) -> str:
        joins = [self.add(Node(self.name(), next=(after,), join=True)) for _ in range(part.joins)]
        arms = part.arms if isinstance(part, Split) else (part.body,)
        first = tuple(self.body(arm, self.way_out(joins, part.way)) for arm in arms)
        kind: Kind = "split" if isinstance(part, Split) else "foreach"
        items = [part.items + more if isinstance(part, Foreach) else 0 for more in range(part.heads)]
        heads = [self.add(Node(self.name(), kind, first, items=count)) for count in items]
        return self.one_of(heads, part.way)

    def way_out(self, joins: list[str], way: int) -> str:
        """Return what an arm leads to: its join, or a choice of steps before each of several."""
        if len(joins) == 1:
            return joins[0]
        return self.one_of([self.add(Node(self.name(), next=(join,))) for join in joins], way)

    def one_of(self, steps: list[str], way: int) -> str:
        if len(steps) == 1:
            return steps[0]
        cases = tuple((f"way {number}", step) for number, step in enumerate(steps))
        picks = (cases[way % len(cases)][0],)
        return self.add(Node(self.name(), "switch", tuple(steps), cases=cases, picks=picks))

    def switch(self, switch: Switch, after: str) -> str:
        heads: dict[int, str] = {MERGE: after}
        for at in reversed(range(len(switch.blocks))):
            block = switch.blocks[at]
            then = block.then
            follows = self.choice(then, heads) if isinstance(then, Choice) else heads[then]
            heads[at] = self.body(block.body, follows)
        return self.choice(switch.first, heads)

    def choice(self, choice: Choice, heads: dict[int, str]) -> str:
        name = self.name()
        cases = [(key, heads[target]) for key, target in choice.cases]
        picks = tuple(cases[at % len(cases)][0] for at in choice.picks)
        if choice.again is not None:
            cases.append((choice.again, name))
        steps = tuple(step for _, step in cases)
        self.nodes.append(Node(name, "switch", steps, cases=tuple(cases), picks=picks, turns=choice.turns))
        return name


def lower(body: Body, names: Sequence[str] = (), flow: str = "Flow", *, ends: str = "end") -> Graph:
    """Return `body` as a graph that runs from its first part to an end step.

    Parameters
    ----------
    body : Body
        An empty one gives a flow of a single step.
    names : sequence of str
        Names for the steps but the last, the start step first; ``s0``, ``s1``, ... follow where
        they do not suffice.
    flow : str
        The name of the flow's class.
    ends : str
        The name of the end step.
    """
    lowering = _Lowering()
    lowering.body(body, ends)
    nodes = (*reversed(lowering.nodes), Node(ends, "end"))
    fresh = (name for name in (f"s{number}" for number in count()) if name not in names and name != ends)
    called = dict(zip((node.name for node in nodes[:-1]), chain(names, fresh), strict=False))
    return Graph(flow, tuple(_renamed(node, {**called, ends: ends}) for node in nodes))


def _renamed(node: Node, called: dict[str, str]) -> Node:
    return replace(
        node,
        name=called[node.name],
        next=tuple(called[step] for step in node.next),
        cases=tuple((key, called[step]) for key, step in node.cases),
    )
