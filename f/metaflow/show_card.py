# requirements:
# metaflow==2.19.39
# requests==2.34.2
# tomli==2.2.1;python_version<'3.11'
# wmill==1.788.0
"""Shows a Metaflow card as a page, sandboxed: it cannot act as the person who looks at it.

Ask ``/api/w/<workspace>/jobs/run_wait_result/p/f/metaflow/show_card`` for it, by POST with the
arguments or by GET with ``?payload=<their JSON in base64>``, or put an HTTP route before it. In
the job's own page the result is the page's text in base64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def main(run: str, step: str = "", task: str = "", card: str = "") -> dict[str, Json]:
    """Find a card of a run and answer with it."""
    from f.metaflow.library import load

    load()
    from metaflow_windmill.workspace.scripts import show_card

    return show_card(run, step, task, card)
