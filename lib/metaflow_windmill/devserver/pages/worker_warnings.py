"""What waits for workers, and whether there are any that take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.devserver.pages.markup import Markup, tag, text
from metaflow_windmill.devserver.store import trees
from metaflow_windmill.devserver.store.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.devserver.store.trees import Twig


def warning(services: Services, workspace: str) -> Markup:
    """Say which jobs of a workspace no worker takes; nothing where there are none."""
    waiting = trees.tags_waiting(services.database.read(), workspace, now())
    return _said(services, waiting)


def of_run(services: Services, twigs: Iterable[Twig]) -> Markup:
    """Say which jobs of a run no worker takes."""
    waiting: dict[str, int] = {}
    for twig in twigs:
        if twig.for_worker and twig.state == "queued":
            waiting[twig.tag] = waiting.get(twig.tag, 0) + 1
    return _said(services, waiting)


def _said(services: Services, waiting: dict[str, int]) -> Markup:
    lonely = {name: count for name, count in waiting.items() if not services.workers.serves(name)}
    if not lonely:
        return text("")
    told = [
        f"{count} {'job waits' if count == 1 else 'jobs wait'} for a worker with the tag {name!r}"
        for name, count in sorted(lonely.items())
    ]
    advice = f"Start the server again with --tags {','.join(sorted(lonely))} and the tags that it has."
    return tag("p", f"{'; '.join(told)}, which no worker here has. {advice}", class_="warning")
