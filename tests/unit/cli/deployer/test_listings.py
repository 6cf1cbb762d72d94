"""Lists of runs and flows: iterators that can be looked at without being used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.cli.deployer.listings import SHOWN, Listing, Showing
from metaflow_windmill.errors import MetaflowWindmillError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWS: Showing[int] = Showing(
    "Numbers of <F>",
    ("number", "half"),
    lambda number: (f"<{number}>", f"{number / 2}"),
    lambda _: "https://w",
)


def listing(told: Iterator[int]) -> Listing[int, str]:
    return Listing(told, str, SHOWS)


def failing(number: int) -> Iterator[int]:
    yield from range(number)
    raise Unreachable("no answer")


def test_looking_takes_nothing() -> None:
    numbers = listing(iter(range(3)))
    assert repr(numbers) == "<Numbers of <F>: 3>\n  <0>  0.0\n  <1>  0.5\n  <2>  1.0"
    assert next(numbers) == "0"
    assert repr(numbers).startswith("<Numbers of <F>: 2>")
    assert list(numbers) == ["1", "2"]
    assert repr(numbers) == "<Numbers of <F>: none>"


def test_a_notebook_shows_a_table_with_links() -> None:
    assert listing(iter(range(1)))._repr_html_() == (
        "<table><caption>Numbers of &lt;F&gt;: 1</caption><tr><th>number</th><th>half</th></tr>"
        '<tr><td><a href="https://w">&lt;0&gt;</a></td><td>0.0</td></tr></table>'
    )
    assert listing(iter(()))._repr_html_() == "<p>Numbers of &lt;F&gt;: none</p>"


def test_of_many_only_the_first_are_asked_for() -> None:
    asked = []

    def told() -> Iterator[int]:
        for number in range(10_000):
            asked.append(number)
            yield number

    numbers = listing(told())
    assert asked == [], "nothing is asked before it is needed"
    assert f"the first {SHOWN}" in repr(numbers)
    assert numbers._repr_html_().count("<tr>") == SHOWN + 1
    assert len(asked) == SHOWN + 1
    assert sum(1 for _ in numbers) == 10_000


def test_a_server_that_goes_away_is_told_where_the_next_one_is_asked_for() -> None:
    numbers = listing(failing(2))
    assert repr(numbers).splitlines()[0] == "<Numbers of <F>: 2, then Windmill could not be asked>"
    assert (next(numbers), next(numbers)) == ("0", "1")
    with pytest.raises(MetaflowWindmillError, match="no answer"):
        next(numbers)
