"""A card of a run, as a page that can do nothing with the address it is served from."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from metaflow_windmill.deployment.described.names import job_id_of, run_id_of
from metaflow_windmill.deployment.placed.ownership import record_in
from metaflow_windmill.errors import DeployError, NotFound
from metaflow_windmill.workspace.kept_runs import cards_of, known_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow.plugins.cards.card_client import Card

    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.types import Json

SANDBOX = {
    # A card runs scripts of its own. In the sandbox it has an origin of its own too, so that they
    # reach neither Windmill's cookies nor its API.
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; "
    "script-src 'unsafe-inline' 'unsafe-eval' data: blob:; style-src 'unsafe-inline' data:; "
    "img-src data: blob:; font-src data:; media-src data:; worker-src blob:; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}


def card_page(windmill: Windmill, run: str, step: str, task: str, card: str) -> dict[str, Json]:
    """Return the answer that Windmill serves as a page.

    Parameters
    ----------
    windmill : Windmill
    run : str
        A run id, a pathspec or a job id.
    step, task : str
        Where to look; empty for the first card found, from the end of the run on.
    card : str
        The id or the type of a card; empty for the first one.

    Raises
    ------
    DeployError
        If there is no such run or no such card, or it cannot be read; the text says which there are.
    """
    job_id = job_id_of(run)
    record = _record(windmill, job_id)
    run_id = run_id_of(job_id)
    with known_run(record, run_id):
        page = _page(record, run_id, step, task, card)
    # A card's scripts may hold characters that Windmill takes out of results: base64 has none.
    return {
        "windmill_content_type": "text/html; charset=utf-8",
        "windmill_content_transfer_encoding": "base64",
        "windmill_headers": SANDBOX,
        "result": base64.b64encode(page.encode()).decode(),
    }


def _page(record: Record, run_id: str, step: str, task: str, card: str) -> str:
    """Return the text of the first card that is asked for."""
    cards = list(_cards(record, run_id, step, task))
    chosen = [item for spec, item in cards if card in {"", item.id, item.type}]
    if not chosen:
        known = ", ".join(f"{item.id or item.type} of {spec}" for spec, item in cards[:20]) or "none"
        raise DeployError(f"There is no such card in {record.flow}/{run_id}. Its cards: {known}.")
    return str(chosen[0].get())


def _record(windmill: Windmill, job_id: str) -> Record:
    try:
        path = windmill.get_job(job_id).path
        flow = windmill.get_flow(path)
    except NotFound:
        raise DeployError(f"There is no run {job_id} of a deployed flow here. Check the run's id.") from None
    record = record_in(flow.value)
    if record is None:
        raise DeployError(f"{path} is not a flow of Metaflow. Give the id of a run of one.")
    return record


def _cards(record: Record, run_id: str, step: str, task: str) -> Iterator[tuple[str, Card]]:
    from metaflow import Run
    from metaflow.exception import MetaflowException

    try:
        for found in Run(f"{record.flow}/{run_id}"):
            for one in found if step in {"", found.id} else ():
                if task in {"", one.id}:
                    yield from ((one.pathspec, item) for item in cards_of(one))
    except MetaflowException as why:
        raise DeployError(f"The run {record.flow}/{run_id} cannot be read: {why}") from None
