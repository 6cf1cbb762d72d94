"""JavaScript in a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.devserver.expressions.evaluator import ExpressionError
from metaflow_windmill.devserver.expressions.quickjs import QuickJs
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from metaflow_windmill.types import Json

RESULTS = {"a": {"list": [1, 2, 3], "k": "v"}, "none": None}


def look_up(kind: str, name: str) -> Json:
    if kind == "results":
        return RESULTS.get(name)
    if name == "missing":
        raise ExpressionError(f"{kind} {name} is not there")
    return f"{kind}:{name}"


@pytest.fixture(scope="module")
def quickjs() -> Iterator[QuickJs]:
    made = QuickJs(deadline=30)
    yield made
    made.close()


def evaluate(quickjs: QuickJs, expression: str, **names: Json) -> Json:
    return quickjs.evaluate(expression, names, look_up, "before")


@contextmanager
def endless(quickjs: QuickJs) -> Iterator[Future[Json]]:
    """An expression that is being evaluated by now, and never ends by itself."""
    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            quickjs.evaluate, "const v = results.a; while (true) {}", {}, lambda *_: begun.set()
        )
        assert begun.wait(60)
        yield running


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 1", 2),
        ("results.a.list.map(v => v * 2)", [2, 4, 6]),
        ('results["a"].k', "v"),
        ("results.nope ?? 'none'", "none"),
        ("Object.keys(results.a)", ["list", "k"]),
        ("const v = results.a.list; return v.length", 3),
        ("undefined", None),
        ("NaN", None),
        ("1 / 0", None),
        ("(() => 1)", None),
        ("9007199254740993", 9007199254740992),
        ("previous_result.x", 1),
        ("results.before.x", 1),
        ("big + 1", 9007199254740992),
        ("variable('f/a/b') + resource('f/c/d')", "variable:f/a/bresource:f/c/d"),
        (
            "[typeof require, typeof process, typeof dukpy, typeof call_python].join()",
            ",".join(["undefined"] * 4),
        ),
        ("'\\u0000'", "\0"),
        ("'\U0001f600'.length", 2),
        ("Boolean('no')", True),
    ],
)
def test_values(quickjs: QuickJs, expression: str, value: Json) -> None:
    assert evaluate(quickjs, expression, previous_result={"x": 1}, big=9007199254740993) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("results.nope.x", "TypeError"),
        ("nonsense", "nonsense is not defined"),
        ("1 +", "SyntaxError"),
        ("throw 'words'", "words"),
        ("throw new RangeError('far')", "RangeError: far"),
        ("variable('missing')", "variable missing is not there"),
        ("10n", "BigInt"),
        ("new Promise(() => {})", "never comes"),
        ("'x'.repeat(2 ** 28).split('')", "memory"),
    ],
)
def test_faults_are_said_in_a_sentence(quickjs: QuickJs, expression: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        evaluate(quickjs, expression)
    assert evaluate(quickjs, "1") == 1


def test_one_expression_leaves_nothing_to_the_next(quickjs: QuickJs) -> None:
    evaluate(quickjs, "globalThis.left = 1; Array.prototype.map = 2; return 0")
    assert evaluate(quickjs, "[typeof left, typeof [].map]") == ["undefined", "function"]


def test_an_endless_expression_is_ended() -> None:
    quickjs = QuickJs(deadline=1.0)
    with pytest.raises(ExpressionError, match="too long"):
        evaluate(quickjs, "while (true) {}")
    quickjs.deadline = 30
    assert evaluate(quickjs, "1") == 1
    quickjs.close()


def test_an_endless_expression_hinders_nobody() -> None:
    quickjs = QuickJs(deadline=60)
    with endless(quickjs) as running:
        assert [evaluate(quickjs, "1") for _ in range(5)] == [1] * 5
        assert not running.done()
        quickjs.close()


def test_many_at_once(quickjs: QuickJs) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: evaluate(quickjs, "n * 2", n=n), range(40)))
    assert found == [n * 2 for n in range(40)]


def test_a_look_up_that_breaks_leaves_the_evaluator_whole(quickjs: QuickJs) -> None:
    def breaks(kind: str, name: str) -> Json:
        raise KeyError(name)

    with pytest.raises(KeyError):
        quickjs.evaluate("results.a", {}, breaks)
    assert evaluate(quickjs, "results.a.k") == "v"


def test_a_process_that_dies_is_told_and_replaced() -> None:
    """An expression cannot end its process, but the system may, where memory runs out."""
    quickjs = QuickJs(deadline=30)

    def dies(kind: str, name: str) -> Json:
        (process,) = quickjs.processes()
        os.kill(process, signal.SIGKILL)
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        return 1

    with pytest.raises(ExpressionError, match="ended its process"):
        quickjs.evaluate("results.a", {}, dies)
    assert evaluate(quickjs, "1") == 1
    quickjs.close()
    assert quickjs.processes() == []


def test_a_process_that_dies_idle_hinders_nobody() -> None:
    quickjs = QuickJs(deadline=30)
    assert evaluate(quickjs, "1") == 1
    (before,) = quickjs.processes()
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    assert evaluate(quickjs, "2") == 2
    assert before not in quickjs.processes()
    quickjs.close()


def test_closing_ends_what_is_being_evaluated() -> None:
    quickjs = QuickJs(deadline=60)
    with endless(quickjs) as running:
        quickjs.close()
        with pytest.raises(ServerError, match="shutting down") as raised:
            running.result()
    assert not isinstance(raised.value, ExpressionError)
    with pytest.raises(ServerError, match="shutting down"):
        evaluate(quickjs, "1")
