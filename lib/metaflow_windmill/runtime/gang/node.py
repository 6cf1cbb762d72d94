"""One node of a gang: it waits until all have come, runs beside them, and fails if one of them does."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from metaflow_windmill.errors import FINAL, GangError
from metaflow_windmill.runtime.child.metaflow_commands import EndedError, say
from metaflow_windmill.runtime.child.task_environment import NODES, RUNTIME, WHERE
from metaflow_windmill.runtime.gang.address import ADDRESS, is_loopback, own_address
from metaflow_windmill.runtime.gang.board import Board
from metaflow_windmill.runtime.gang.node_watch import GangWatch, Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.runtime.child.metaflow_commands import Attempt
    from metaflow_windmill.types import Json

RunAttempt: TypeAlias = "Callable[[Attempt, dict[str, str]], Json]"

_LOOKED_FOR = 8
"""Nodes that have not come and are looked for at a time: each look is a request to an object store."""
_WHY = 500
"""Characters of what a node failed with, in the errors of the others; its own has all of it."""


@dataclass(frozen=True)
class Node:
    """A node in one round of its gang.

    Parameters
    ----------
    attempt : Attempt
    board : Board
    count : int
        How many nodes there are.
    pace : Pace
    """

    attempt: Attempt
    board: Board
    count: int
    pace: Pace

    @property
    def index(self) -> int:
        """Which node it is; 0 is the control task."""
        return self.attempt.task.node or 0

    @property
    def last(self) -> bool:
        """Whether no round follows this one."""
        return self.board.round >= self.attempt.task.spec.retries

    @property
    def names(self) -> list[str]:
        """The pathspecs ``run/step/task`` of all nodes, the control task first."""
        control = f"{self.attempt.task.run}/{self.attempt.task.gang}"
        return [f"{control}_node_{node}" if node else control for node in range(self.count)]

    def error(self, text: str, *, final: bool = False) -> EndedError:
        """Return an error of the gang; where no round follows, it says so."""
        error = GangError(text)
        if final or self.last:
            vars(error)[FINAL] = True
        return EndedError(error, self.attempt.number)

    def ended_by(self, failure: Json) -> EndedError:
        """Return the error of this node where the round is over."""
        if failure["node"] == self.index:
            return self.error(f"This node was given up: {failure['why']}", final=failure["final"])
        text = f"Node {failure['node']} of the gang failed, so this one was ended too: {failure['why']}"
        return self.error(text, final=failure["final"])


def run_node(attempt: Attempt, count: int, run: RunAttempt, pace: Pace | None = None) -> Json:
    """Run a node of a gang with the others; return what it left for its job.

    Parameters
    ----------
    attempt : Attempt
        With the number that follows those of this node; the gang may agree on a higher one.
    count : int
        How many nodes the gang has.
    run : callable
        Runs an attempt with further variables in its environment.
    pace : Pace, optional

    Raises
    ------
    EndedError
        With what ended this node, or since another one failed, or since not all have come in time.
    """
    node = enter(Node(attempt, Board(attempt.tasks, attempt.task.gang), count, pace or Pace()))
    before = node.board.finished(node.index)
    if before is not None:
        return before
    try:
        outcome = _run_with_others(node, run)
    except EndedError as ended:
        ended.error = _with_cause(node, ended.error)
        _give_up(node, ended.error)
        raise
    except BaseException as why:
        _give_up(node, why)
        raise
    return outcome


def enter(node: Node) -> Node:
    """Return the node in the round that it takes part in: the first that has not failed.

    A round that it has been in before is over with it: its job was ended without a word. If all had ended
    well by then, what it left is still there.

    Raises
    ------
    EndedError
        If the gang has no further round.
    """
    why = ""
    while True:
        failure = node.board.failure()
        if failure is None and node.board.arrived(node.index) is not None:
            if node.board.finished(node.index) is not None and (node.last or node.board.closed()):
                return node
            failure = {"node": node.index, "why": "its job was begun again: most likely its worker died"}
            node.board.fail(**failure, final=False)
        if failure is None:
            return node
        why = f"node {failure['node']} failed: {failure['why']}"
        if node.last or failure.get("final"):
            raise node.error(f"This gang is over, and every attempt of it used up; {why}", final=True)
        node = replace(node, board=node.board.next())


def gather(node: Node, said: dict[str, Json]) -> Json:
    """Wait until all nodes have come; return what all of them begin with.

    The control task decides that. Whoever has waited long enough ends the round for all.
    """
    node.board.arrive(node.index, said)
    until = time.monotonic() + (node.attempt.task.spec.gather or 0)
    come: dict[int, Json] = {}
    while True:
        _check(node, until)
        begun = _decide(node, come) if node.index == 0 else node.board.begun()
        if begun is not None:
            return begun
        time.sleep(node.pace.look)


def _check(node: Node, until: float) -> None:
    """Raise what ends the wait of a node: a failed round, the time it had, the end of its run."""
    failure = node.board.failure()
    if failure is not None:
        raise node.ended_by(failure)
    _check_deadline(node)
    if time.monotonic() > until:
        raise _too_few(node)


def _check_deadline(node: Node) -> None:
    deadline = node.attempt.deadline
    if deadline and deadline.passed():
        error = deadline.error(node.attempt.task.spec.step, "stopped while it waited for its gang")
        raise EndedError(error, node.attempt.number)


def _decide(node: Node, come: dict[int, Json]) -> Json:
    """Look for those that have not come; if there are none any more, let all begin."""
    missing = [other for other in range(node.count) if other not in come]
    found = ((other, node.board.arrived(other)) for other in missing[:_LOOKED_FOR])
    come.update((other, said) for other, said in found if said is not None)
    if len(come) < node.count:
        return None
    begun = {
        "attempt": max(said["attempt"] for said in come.values()),
        "address": come[0]["address"],
    }
    node.board.begin(begun)
    return begun


def _too_few(node: Node) -> EndedError:
    spec = node.attempt.task.spec
    come = [other for other in range(node.count) if node.board.arrived(other) is not None]
    return node.error(
        f"Only {len(come)} of the {node.count} nodes of step {spec.step!r} got a worker within {spec.gather} "
        "seconds, so the gang gives them back. Start more workers for this step, ask for fewer nodes, or let "
        "them wait longer by @windmill(gather_timeout=...)."
    )


def _run_with_others(node: Node, run: RunAttempt) -> Json:
    """Begin with the others, run, and end with them where the gang could be tried again."""
    spec = node.attempt.task.spec
    address = own_address(os.environ)
    said = {"job": node.attempt.task.job.id, "address": address, "attempt": node.attempt.number}
    place = f"Node {node.index} of {node.count}, at {address}"
    say(f"{place}, waits for the others, at most {spec.gather} seconds.")
    if is_loopback(address) and node.count > 1:
        say(f"Only nodes on this machine can reach that: where others are elsewhere, set {ADDRESS}.")
    begun = gather(node, said)
    node = replace(node, attempt=_agreed(node.attempt, begun["attempt"]))
    say(f"All {node.count} nodes have a worker; the control task is at {begun['address']}.")
    if node.index and node.attempt.number > spec.user_retries:
        say("@catch gives what stands for the whole gang in its control task; this node has nothing to do.")
        outcome: Json = {"branch": None, "splits": None}
        node.board.finish(node.index, outcome)
        return outcome
    watch = GangWatch(node.board, node.index, node.count, said, node.ended_by, node.pace)
    outcome = run(replace(node.attempt, watch=watch), _environment(node, begun["address"]))
    node.board.finish(node.index, outcome)
    if not node.last:
        with watch:
            _await_others(node, watch)
    return outcome


def _agreed(attempt: Attempt, number: int) -> Attempt:
    """Return the attempt that all nodes are at; what this node missed of it is begun, and over."""
    for missed in range(attempt.number, number):
        replace(attempt, number=missed).datastore().init_task()
    return replace(attempt, number=number)


def _environment(node: Node, main: str) -> dict[str, str]:
    """Return what Metaflow tells the nodes of each other (metaflow/plugins/parallel_decorator.py)."""
    return {
        "MF_PARALLEL_MAIN_IP": main,
        "MF_PARALLEL_NUM_NODES": str(node.count),
        "MF_PARALLEL_NODE_INDEX": str(node.index),
        "MF_PARALLEL_CONTROL_TASK_ID": node.attempt.task.gang.partition("/")[2],
        WHERE: RUNTIME,
        NODES: ",".join(node.names),
    }


def _await_others(node: Node, watch: GangWatch) -> None:
    """Wait until all nodes ended well: where one fails, all of them are tried again."""
    say("This node is done, and waits for the others: where one fails, all are tried again.")
    ended: set[int] = set()
    while True:
        watch.check()
        _check_deadline(node)
        if node.index == 0:
            missing = [other for other in range(node.count) if other not in ended][:_LOOKED_FOR]
            ended |= {other for other in missing if node.board.finished(other) is not None}
            if len(ended) == node.count:
                node.board.close()
        if node.board.closed():
            return
        time.sleep(node.pace.look)


def _with_cause(node: Node, error: BaseException) -> BaseException:
    """Return what a node ended with: where another one failed before it, an error that says so first.

    A node that talks to one that was ended may lose its connection before it looks at the board.
    """
    if isinstance(error, GangError) or vars(error).get(FINAL):
        return error
    with suppress(Exception):  # the store may be what failed
        failure = node.board.failure()
        if failure is not None and failure["node"] != node.index:
            own = f"{type(error).__name__}: {error}"[:_WHY]
            first = f"Node {failure['node']} of the gang failed: {failure['why']}"
            return node.error(f"{first}. After it, this one failed with {own}", final=failure["final"]).error
    return error


def _give_up(node: Node, why: BaseException) -> None:
    """Tell the others that this node failed; mark its error where no round follows."""
    final = node.last or bool(vars(why).get(FINAL))
    if final:
        vars(why)[FINAL] = True
    with suppress(Exception):  # the store may be what failed; the others miss this node's signs then
        text = f"{why}" if isinstance(why, GangError) else f"{type(why).__name__}: {why}"
        node.board.fail(node.index, text[:_WHY], final=final)
