from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.runtime.report.cards import markdown_of

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def card(*contents: Json) -> str:
    page = {"type": "page", "title": "Results", "contents": [{"type": "section", "contents": list(contents)}]}
    data = base64.b64encode(json.dumps({"components": [page]}).encode()).decode()
    return f'<script>window.__MF_DATA__["x"] = "{data}"</script>'


@pytest.mark.parametrize(
    ("component", "shown"),
    [
        ({"type": "markdown", "source": "\n# Scores\n\n**3**"}, "# Scores\n\n**3**"),
        ({"type": "text", "text": "a *b* <i>"}, r"a \*b\* \<i\>"),
        ({"type": "image", "src": PIXEL, "label": "a"}, f"![a]({PIXEL})"),
        ({"type": "log", "data": "one\ntwo"}, "```text\none\ntwo\n```"),
        (
            {"type": "table", "columns": ["n", "word"], "data": [[1, {"type": "text", "text": "x"}]]},
            "```text\nn  word\n1  x\n```",
        ),
        ({"type": "vegaChart"}, "*(what is drawn here is seen on the card itself)*"),
    ],
)
def test_what_a_card_says_is_said_in_markdown(component: Json, shown: str) -> None:
    assert markdown_of(card(component)) == f"**Results**\n\n{shown}"


@pytest.mark.parametrize(
    "source",
    [
        "[x](javascript:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x]: javascript:alert(1)",
        "<javascript:alert(1)>",
    ],
)
def test_no_link_of_a_card_is_a_program(source: str) -> None:
    said = markdown_of(card({"type": "markdown", "source": source}))
    assert not any(start in said for start in ("](java", "](&", "]:", "<java"))
    assert "[x](https://a.b)" in markdown_of(card({"type": "markdown", "source": "[x](https://a.b)"}))


@pytest.mark.parametrize("html", ["<h1>mine</h1>", '__MF_DATA__["x"] = "e30="', card(), card("no component")])
def test_a_card_that_says_nothing_here_is_left_out(html: str) -> None:
    assert markdown_of(html) == ""
