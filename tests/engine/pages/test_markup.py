"""Nothing gets into a page that is not escaped."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text


class Reader(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.data += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


VISIBLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


@given(VISIBLE, VISIBLE)
def test_any_text_stays_text(content: str, attribute: str) -> None:
    found = read(tag("p", content, title=attribute))
    assert found.tags == [("p", {"title": attribute})]
    assert found.data == content


def test_an_injection_does_nothing() -> None:
    evil = "</p><script>alert(1)</script>"
    assert [name for name, _ in read(tag("p", evil, tag("b", evil), title=f'"{evil}')).tags] == ["p", "b"]


def test_markup_is_taken_as_it_is_and_none_is_nothing() -> None:
    assert join([text(None), Markup("<b>"), "<"]) == "<b>&lt;"
    assert tag("a", None, 3, href=None, hidden=True, open=False) == "<a hidden>3</a>"
    assert tag("input", name_="x", data_since=1) == '<input name="x" data-since="1">'
