"""Markdown as HTML that can do nothing: HTML in it stays text, and pictures become links."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from metaflow_windmill.devserver.pages.markup import Markup, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

LONGEST = 200_000
"""Characters that are rendered; longer texts are shown as they are."""


def rendered(source: str) -> Markup:
    """Return Markdown as HTML."""
    if len(source) > LONGEST:
        return tag("pre", source)
    return Markup(f'<div class="markdown">{_parser().render(source)}</div>')


@lru_cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("js-default", {"html": False, "linkify": False})
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("image", _picture)
    return parser


def _link(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
) -> str:
    if not str(tokens[at].attrGet("href") or "").startswith(("/", "#")):
        tokens[at].attrSet("target", "_blank")
        tokens[at].attrSet("rel", "noopener noreferrer")
    return renderer.renderToken(tokens, at, options, env)


def _picture(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
) -> str:
    """Show a picture that is in the text itself, and a link to any other: nothing is fetched."""
    token = tokens[at]
    source = str(token.attrGet("src") or "")
    words = renderer.renderInlineAsText(token.children or [], options, env)
    if source.startswith("data:image/"):
        return tag("img", src=source, alt=words)
    return tag("a", words or source, href=source, target="_blank", rel="noopener noreferrer")
