"""The report of a run: what the end step's job returns beside what the program needs.

Windmill shows ``markdown`` as the run's page. The modules after the end step get all of it as their
input ``report`` and return it with their own, since the last module's result is the run's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

REPORT = "report"
"""The input of the modules after the end step."""

MOST_CHARACTERS = 40_000
"""Of the Markdown. Windmill counts two bytes for a character and shows no page of more than 100,000
(``DisplayResult.svelte``), and a result of more than 90,000 bytes is fetched apart from its job."""


def as_page(markdown: str) -> dict[str, Json]:
    """Return the members of a result that make Windmill show Markdown.

    Only what CommonMark has is shown: the page of a result knows no tables and no HTML.
    """
    return {"wm_renderer": "markdown", "markdown": markdown}
