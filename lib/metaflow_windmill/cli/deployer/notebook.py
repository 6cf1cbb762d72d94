"""What a notebook shows of a deployed flow and of a run: short HTML, with all that others wrote escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.telling.showing import took_text
from metaflow_windmill.client.models import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.types import Json

_NAMED = 3
"""How many of the parts that run or failed are named."""

_STATES = {JobState.CANCELED: "FAILED"}


def state_text(job: Job) -> str:
    """Return PENDING, RUNNING, SUCCEEDED or FAILED."""
    return _STATES.get(job.state, job.state.value)


def run_html(pathspec: str, page: str, job: Job) -> str:
    """Return one line on a run: its page, its state, how long it took, and how far it is."""
    told = [f"{link(page, pathspec)} is <b>{state_text(job)}</b>", *map(escape, _details(job))]
    return ", ".join(told)


def flow_html(name: str, path: str, page: str) -> str:
    """Return one line on a deployed flow: its page and its place."""
    return f"{link(page, name)} at {escape(path)}"


def link(page: str, text: str) -> str:
    """Return a link; an address that is not one of the web is none."""
    shown = escape(text)
    return f'<a href="{escape(page)}">{shown}</a>' if page.startswith(("http://", "https://")) else shown


def _details(job: Job) -> Iterator[str]:
    took = took_text(job)
    if took:
        yield took
    modules = (job.flow_status or {}).get("modules") or []
    if modules and job.state is not JobState.SUCCEEDED:
        yield f"{sum(_kind(module) == 'Success' for module in modules)} of {len(modules)} parts done"
    yield from _named("failed", [_part(module) for module in modules if _kind(module) == "Failure"])
    if not job.state.final:
        yield from _named("now", [_part(module) for module in modules if _kind(module) == "InProgress"])


def _named(word: str, parts: list[str]) -> Iterator[str]:
    if parts:
        more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
        yield f"{word}: {', '.join(parts[:_NAMED])}{more}"


def _part(module: Json) -> str:
    """Return a part's name; of a loop also how many of its turns are over, as far as Windmill tells."""
    turns = module.get("flow_jobs_success")
    over = f" ({sum(turn is not None for turn in turns)} of {len(turns)})" if turns else ""
    return f"{module.get('id')}{over}"


def _kind(module: Json) -> str:
    return str(module.get("type"))
