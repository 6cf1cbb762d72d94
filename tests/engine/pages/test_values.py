"""Results, errors and Markdown as a page shows them; nothing in them does anything."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import hostile
from tests.support.harmless import Reader, faults

from metaflow_windmill.devserver.pages.foreign import cleaned
from metaflow_windmill.devserver.pages.markdown_html import rendered
from metaflow_windmill.devserver.pages.values import ValueOrigin, error, result

HTML, MARKDOWN = hostile.html(), hostile.markdown()
HERE = ValueOrigin("job")


@pytest.mark.parametrize(
    "told",
    [
        HTML,
        {HTML: HTML},
        {"html": HTML},
        {"markdown": MARKDOWN},
        {"md": HTML},
        {"wm_renderer": "markdown", "markdown": MARKDOWN, HTML: HTML},
        {"wm_renderer": HTML, HTML: HTML},
        {"wm_renderer": "html", "html": HTML},
        {
            "render_all": [
                {"markdown": MARKDOWN},
                {"html": HTML},
                HTML,
                [{HTML: HTML}],
                {"render_all": [{"html": HTML}]},
            ]
        },
        [{HTML: HTML}, {HTML: HTML}],
        [[HTML, HTML], [HTML, HTML]],
        {"table-row-object": [{HTML: HTML}]},
        {"svg": HTML},
        {"svg": f"<svg>{HTML}</svg>"},
        {"png": HTML},
        {"jpeg": {"content": 'x" onerror="alert(1)'}},
        {"file": HTML, "filename": HTML},
        {"file": "QQ==", "filename": HTML},
        {"error": {"name": HTML, "message": HTML, "stack": HTML, "step_id": HTML}},
        {"error": HTML},
    ],
)
def test_nothing_in_a_result_does_anything(told: Any) -> None:
    assert faults(result(told, HERE)) == []
    assert faults(error(told)) == []


def test_the_texts_would_do_harm() -> None:
    assert len(faults(HTML)) > 20


@given(st.text() | st.sampled_from([HTML, MARKDOWN]))
def test_no_markdown_does_anything(source: str) -> None:
    assert faults(rendered(source)) == []


def test_markdown_is_rendered_and_leads_elsewhere_only_in_a_tab_of_its_own() -> None:
    shown = rendered(
        "**bold** [out](https://example.com) [in](/run/1) ![a picture](https://example.com/x.png)"
    )
    assert "<strong>bold</strong>" in shown
    assert '<a href="https://example.com" target="_blank" rel="noopener noreferrer">out</a>' in shown
    assert '<a href="/run/1">in</a>' in shown
    assert "<img" not in shown
    assert ">a picture</a>" in shown
    assert "<table>" in rendered("| a |\n|---|\n| 1 |")


def test_html_is_shown_in_a_frame_from_an_address_of_its_own() -> None:
    reader = Reader()
    reader.feed(result({"render_all": [{"markdown": "x"}, {"html": "<script>1</script>"}]}, HERE))
    assert reader.frames == ["/run/job/html?at=render_all.1.html"]
    assert "Show it with its scripts" not in result({"html": "<b>"}, HERE)


def test_what_a_result_says_beside_its_page_is_a_click_away() -> None:
    shown = result({"wm_renderer": "markdown", "markdown": "# Done", "run_id": "windmill-1"}, HERE)
    assert "<h1>Done</h1>" in shown
    assert "windmill-1" in shown
    assert "<details" in shown


def test_a_renderer_beside_render_all_is_what_a_real_page_makes_of_it() -> None:
    assert "<pre>" in result({"render_all": [{"markdown": "# x"}], "more": 1}, HERE)


def test_lists_of_rows_are_tables() -> None:
    assert "<table" in result([{"a": 1}, {"b": 2}], HERE)
    assert "<table" in result([["a", "b"], [1, 2]], HERE)
    assert "<pre>" in result([1, 2], HERE)
    assert "… and 300 more rows." in result([{"a": at} for at in range(500)], HERE)


def test_the_lines_of_an_error_stay_lines() -> None:
    shown = error(
        {"error": {"name": "ValueError", "message": "first\n  second\nthird", "stack": "at\n  here"}}
    )
    assert "<strong>ValueError: first</strong>" in shown
    assert "  second\nthird" in shown
    assert "at\n  here" in shown


def test_the_errors_of_a_loop_are_told_one_by_one() -> None:
    bad = {"error": {"name": "E", "message": "x"}}
    assert error([1, bad, {"a": 1}, bad]).count("E: x") == 2
    assert "… and 10 more." in error([bad] * 30)


def test_html_that_is_shown_without_its_scripts_keeps_its_looks_and_nothing_else() -> None:
    assert faults(cleaned(HTML.replace("style", "stile"))) == []
    kept = '<p class="a">text</p><table><tbody><tr><td colspan="2">1</td></tr></tbody></table>'
    kept += "<style>p { color: red }</style>"
    assert cleaned(kept) == kept
    assert "<link" not in cleaned(HTML)
