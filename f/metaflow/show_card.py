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


def library(pauses: tuple[float, ...] = (0, 1, 3, 9)) -> None:
    """Have the library: Windmill's loader asks for it once, and gives an empty module where that fails."""
    import sys
    import time

    for seconds in pauses:
        time.sleep(seconds)
        from f.metaflow.library import load

        if callable(load):
            return load()
        for name in [name for name in sys.modules if name.startswith("f.metaflow.library")]:
            del sys.modules[name]
    raise RuntimeError(
        "Windmill did not hand out the script f/metaflow/library. Is it there, and may you read it? "
        "`metaflow-windmill install` brings it. Otherwise the server is in trouble: run this again."
    )


def main(run: str, step: str = "", task: str = "", card: str = "") -> dict[str, Json]:
    """Find a card of a run and answer with it."""
    library()
    from metaflow_windmill.workspace.entry_points import show_card

    return show_card(run, step, task, card)
