"""What a run of a graph must have done, worked out from the graph alone."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from hashlib import sha1
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.graphs import Graph, Node
    from tests.support.oracle import RunSeen

Identity: TypeAlias = tuple[str, tuple[int, ...], tuple[int, ...]]
"""A task by its place: its step, its foreach indices, its turn (empty outside a recursion)."""


@dataclass(frozen=True)
class Done:
    """A task that ran: who it is, who it read from, and the digest of its whole history."""

    me: Identity
    parents: tuple[Identity, ...]
    trace: str


@dataclass(frozen=True)
class _Frame:
    """An open split: how many tasks its join waits for, and the index inside a foreach."""

    split: str
    count: int
    index: int | None = None


@dataclass(frozen=True)
class _Token:
    """A transition on its way to a step."""

    step: str
    stack: tuple[_Frame, ...] = ()
    sources: tuple[Done, ...] = ()


def expected_tasks(graph: Graph) -> dict[Identity, Done]:
    """Return every task of a successful run, by its identity."""
    return {task.me: task for task, _ in _walk(graph)}


def foreaches_around(graph: Graph) -> dict[Identity, list[tuple[str, tuple[int, ...]]]]:
    """Return for each task the foreaches around it, each by its step and its own foreach indices."""
    return {task.me: _loops(stack) for task, stack in _walk(graph)}


def _loops(stack: tuple[_Frame, ...]) -> list[tuple[str, tuple[int, ...]]]:
    loops = [(frame.split, frame.index) for frame in stack if frame.index is not None]
    return [(step, tuple(index for _, index in loops[:depth])) for depth, (step, _) in enumerate(loops)]


def _walk(graph: Graph) -> Iterator[tuple[Done, tuple[_Frame, ...]]]:
    """Go through the tasks of a successful run, each with the splits around it.

    A transition carries the splits that it is inside of; a join waits until as many have
    arrived as its innermost split sent out. So this needs no knowledge of which join matches.
    """
    waiting: dict[tuple[str, tuple[_Frame, ...]], list[_Token]] = defaultdict(list)
    queue = deque([_Token(graph.start.name)])
    while queue:
        arrived = queue.popleft()
        node = graph[arrived.step]
        token = _gather(waiting, arrived) if node.join else arrived
        if token is None:
            continue
        indices = tuple(frame.index for frame in token.stack if frame.index is not None)
        task = finished(node, indices, token.sources)
        yield task, token.stack
        queue.extend(_transitions(node, token, task))


def _gather(waiting: dict[tuple[str, tuple[_Frame, ...]], list[_Token]], token: _Token) -> _Token | None:
    outer, top = token.stack[:-1], token.stack[-1]
    arrived = waiting[token.step, outer]
    arrived.append(token)
    if len(arrived) < top.count:
        return None
    sources = tuple(source for one in arrived for source in one.sources)
    return _Token(token.step, outer, sources)


def finished(node: Node, indices: tuple[int, ...], sources: Sequence[Done]) -> Done:
    """Return the task of a step that has read from `sources`."""
    me: Identity = (node.name, indices, _turn(sources[0]) if node.recursive else ())
    known = sorted((_plain(source.me), source.trace) for source in sources)
    parents = tuple(sorted(source.me for source in sources))
    return Done(me, parents, sha1(repr((_plain(me), known)).encode()).hexdigest())


def _turn(parent: Done) -> tuple[int, ...]:
    """Count on from the parent's turn: Metaflow does, even from one recursive step to another."""
    return (parent.me[2][-1] + 1,) if parent.me[2] else (0,)


def _plain(me: Identity) -> list[object]:
    return [me[0], list(me[1]), list(me[2])]


def _transitions(node: Node, token: _Token, task: Done) -> list[_Token]:
    stack, sources = token.stack, (task,)
    if node.kind == "split":
        inner = (*stack, _Frame(node.name, len(node.next)))
        return [_Token(step, inner, sources) for step in node.next]
    if node.kind in {"foreach", "gang"}:
        frames = [_Frame(node.name, node.items, index) for index in range(node.items)]
        return [_Token(node.next[0], (*stack, frame), sources) for frame in frames]
    _, indices, turn = task.me
    following = node.together(node.choose(indices, *turn or (0,))) if node.kind == "switch" else node.next
    if len(following) > 1:
        stack = (*stack, _Frame(node.name, len(following)))
    return [_Token(step, stack, sources) for step in following]


def contradictions(graph: Graph, seen: RunSeen) -> list[str]:
    """Return where a run is not what its graph says, one sentence each."""
    wanted = expected_tasks(graph)
    found = Counter(task.place for task in seen.tasks)
    told = [f"{place} ran {found[place]} time(s)." for place in wanted if found[place] != 1]
    told += [f"{place} ran, which is not on the way." for place in found if place not in wanted]
    for task in seen.tasks:
        if task.place in wanted and task.artifacts.get("TRACE") != repr(wanted[task.place].trace):
            parents, read = wanted[task.place].parents, task.artifacts.get("PARENTS")
            told.append(f"{task.place} should have read from {parents} and read from {read}.")
    return told
