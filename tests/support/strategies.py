"""Random well-formed Metaflow graphs, as hypothesis strategies.

Metaflow takes step names of lower-case ASCII letters, digits and underscores only; flow names
and the values that a switch compares may be anything that Python allows.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import hypothesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from tests.support.expected import expected_tasks
from tests.support.graphs import (
    MERGE,
    Block,
    Choice,
    Foreach,
    Gang,
    Split,
    Step,
    Switch,
    leads_straight,
    lower,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy
    from tests.support.graphs import Body, Graph, Key, Part

# Words that mean something to JavaScript, to Windmill, to Python or to this project's compiler.
AWKWARD_NAMES = re.findall(
    r"\w+",
    """
    a arguments array bigint bool branch catch char const constructor debugger default delete deployment do
    do_while end_1 enum error eval export extends failure false flow flow_env flow_input flow_status foreach
    function id implements infinity instanceof int interface iter iter_parent job join json key label level_0
    level_1 let lane loop main math modules nan new null object of package parallel parameters params
    preprocessor previous_result private process protected prototype public reduce resource result results
    retry run run_id s split splits static step string switch symbol t task then this throw to_string trigger
    true typeof undefined value values var variable void wmill x__2 x__2__3
    """,
)

_FORBIDDEN = {
    "name",
    "next",
    "input",
    "index",
    "cmd",
    "foreach_stack",
    "merge_artifacts",
    "script_name",
    "start",
    "end",
}


def step_names() -> SearchStrategy[str]:
    """Names that Metaflow takes for a step: awkward words, copies' look-alikes, long ones."""
    plain = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
    copies = plain.map(lambda name: f"{name[:4]}__2")
    long = st.integers(60, 110).map(lambda length: ("long_step_name_" * 8)[:length])
    names = st.one_of(st.sampled_from(AWKWARD_NAMES), plain, copies, long)
    return names.filter(lambda name: name not in _FORBIDDEN and not keyword.iskeyword(name))


def flow_names() -> SearchStrategy[str]:
    """Names that Python takes for a class, those outside ASCII included."""
    return st.sampled_from(
        ["Flow", "Größe", "Поток", "流れ", "flow_1", "AVeryLongFlowName" * 4, "X__", "Été2"]
    )


def keys() -> SearchStrategy[Key]:
    """Values that a switch may compare: Metaflow takes a constant, which a negative number is not."""
    words = st.sampled_from(
        ["a", "yes", "1", "", "no way", "it's", '"', "naïve", "☃", "null", "true", "\\n", "{}"]
    )
    return st.one_of(words, st.integers(0, 99), st.sampled_from([0.5, 1e21]), st.booleans())


@st.composite
def bodies(draw: DrawFn, depth: int, *, before_join: bool = False) -> Body:
    """Draw one to three parts in a row, nested at most `depth` deep.

    Parameters
    ----------
    depth : int
    before_join : bool
        Whether a join follows, so that no switch may lead straight to what follows.
    """
    parts = draw(st.lists(_parts(depth), min_size=1, max_size=3 if depth else 2))
    return _settled(tuple(parts), before_join=before_join)


def _settled(body: Body, *, before_join: bool) -> Body:
    return (*body, Step()) if before_join and leads_straight(body) else body


def _startable(body: Body) -> Body:
    """Put a step before a recursion: the start step may not return to itself."""
    returns = body and isinstance(body[0], Switch) and body[0].first.again is not None
    return (Step(), *body) if returns else body


def _parts(depth: int) -> SearchStrategy[Part]:
    steps = st.builds(Step, st.sampled_from([0] * 9 + [1]), st.sampled_from([False] * 9 + [True]))
    if depth == 0:
        return steps
    return st.one_of(steps, _splits(depth - 1), _foreaches(depth - 1), _switches(depth - 1), _loops())


def _splits(depth: int) -> SearchStrategy[Part]:
    arms = st.lists(bodies(depth, before_join=True), min_size=2, max_size=3).map(tuple)
    return st.builds(Split, arms, _MOSTLY_ONE, _MOSTLY_ONE, st.integers(0, 1))


def _foreaches(depth: int) -> SearchStrategy[Part]:
    body = bodies(depth, before_join=True)
    return st.builds(Foreach, st.integers(1, 3), body, _MOSTLY_ONE, _MOSTLY_ONE, st.integers(0, 1))


_MOSTLY_ONE = st.sampled_from([1, 1, 1, 1, 2])


def gangs() -> SearchStrategy[Part]:
    """Draw a gang: slow to run, so random graphs hold none unless asked for."""
    return st.builds(Gang, st.integers(1, 3))


_TURNS = st.lists(st.integers(0, 3), min_size=1, max_size=2).map(tuple)
_PICKS = st.lists(st.integers(0, 5), min_size=1, max_size=3).map(tuple)


@st.composite
def _loops(draw: DrawFn) -> Part:
    """Draw a step that returns to itself, with one or two ways out."""
    unique = draw(st.lists(keys(), min_size=2, max_size=3, unique=True))
    again, *others = unique
    targets = [MERGE, 0]
    cases = tuple((key, targets[at % 2]) for at, key in enumerate(others))
    choice = Choice(cases, draw(_PICKS), again, draw(_TURNS))
    return Switch(choice, (Block((Step(),)),) if len(others) > 1 else ())


@st.composite
def _switches(draw: DrawFn, depth: int) -> Part:
    """Draw one to three blocks that the first step and one another choose among."""
    count = draw(st.integers(1, 3))
    blocks = tuple(draw(_blocks(depth, at, count)) for at in range(count))
    reached = {target for block in blocks for target in _targets(block)}
    targets = [at for at in range(count) if at not in reached or draw(st.booleans())]
    targets += draw(st.lists(st.integers(MERGE, count - 1), max_size=2))
    first = draw(_choices(targets))
    return Switch(first, blocks)


@st.composite
def _blocks(draw: DrawFn, depth: int, at: int, count: int) -> Block:
    later = st.sampled_from([MERGE, MERGE, *range(at + 1, count)])
    body = draw(bodies(depth))
    if draw(st.integers(0, 3)):
        return Block(body, draw(later))
    return Block((*body, Step()), draw(_choices(draw(st.lists(later, min_size=1, max_size=3)))))


def _targets(block: Block) -> list[int]:
    return [target for _, target in block.then.cases] if isinstance(block.then, Choice) else [block.then]


@st.composite
def _choices(draw: DrawFn, targets: list[int]) -> Choice:
    """Draw a switch step that leads to each of `targets`, by two cases at least."""
    ends = [*targets, *[MERGE] * (2 - len(targets))]
    drawn = draw(st.lists(keys(), min_size=len(ends), max_size=len(ends), unique=True))
    return Choice(tuple(zip(drawn, ends, strict=True)), draw(_PICKS))


@st.composite
def switches_to_splits(draw: DrawFn) -> Part:
    """Draw a switch of which one case or two lead to a split, alone or in a foreach or a split."""
    count = draw(st.integers(1, 2))
    blocks = tuple(Block((draw(_splits_of_one(1)), *draw(bodies(1)))) for _ in range(count))
    *unique, again = draw(st.lists(keys(), min_size=4, max_size=4, unique=True))
    cases = tuple(zip(unique, [*range(count), MERGE], strict=False))
    returns = (again, draw(_TURNS)) if draw(st.booleans()) else (None, (0,))
    switch = (Step(), Switch(Choice(cases, draw(_PICKS), *returns), blocks), Step())
    inside = draw(st.sampled_from([None, Foreach(2, switch), Split((switch, (Step(),)))]))
    return inside or switch[1]


def _splits_of_one(depth: int) -> SearchStrategy[Split]:
    arms = st.lists(bodies(depth, before_join=True), min_size=2, max_size=3).map(tuple)
    return st.builds(Split, arms)


@st.composite
def graphs(
    draw: DrawFn,
    *,
    depth: int = 2,
    most_tasks: int = 20,
    with_gang: bool = False,
    first: SearchStrategy[Part] | None = None,
) -> Graph:
    """Draw a flow's graph with random names.

    Parameters
    ----------
    depth : int
        How deep splits, foreaches and switches may stand in one another.
    most_tasks : int
        Graphs whose run has more tasks are not drawn.
    with_gang : bool
        Whether to end with a gang.
    first : strategy or None
        What to begin with.
    """
    body = draw(bodies(depth)) if draw(st.integers(0, 19)) else ()
    body = _startable((*body, draw(gangs())) if with_gang else body)
    body = body if first is None else _startable((draw(first), *body))
    size = len(lower(body).nodes)
    names = draw(st.lists(step_names(), min_size=size, max_size=size, unique=True))
    begins, ends = draw(
        st.sampled_from([("start", "end"), (names[0], "end"), ("start", names[-1]), (names[0], names[-1])])
    )
    graph = lower(body, [begins, *names[1:-1]], draw(flow_names()), ends=ends)
    assume(len(expected_tasks(graph)) <= most_tasks)
    return graph


def drawn_graphs(seed: int, count: int, *, most_tasks: int = 20, gangs: int = 0) -> list[Graph]:
    """Return the first `count` different graphs that `seed` gives, each under a flow name of its own.

    The same seed gives the same graphs, so that a failure comes back.

    Parameters
    ----------
    seed, count : int
    most_tasks : int
        Of a run.
    gangs : int
        Of ten flows so many end with a gang.
    """
    drawn: dict[Graph, None] = {}

    @hypothesis.seed(seed)
    @settings(
        database=None,
        deadline=None,
        max_examples=3 * count,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 9).flatmap(lambda it: graphs(most_tasks=most_tasks, with_gang=it < gangs)))
    def draw(graph: Graph) -> None:
        drawn.setdefault(graph)

    draw()
    # The smallest come first and are much alike: the last ones show more.
    chosen = list(drawn)[-count:]
    return [replace(graph, name=f"{graph.name}_{seed}_{number}") for number, graph in enumerate(chosen)]
