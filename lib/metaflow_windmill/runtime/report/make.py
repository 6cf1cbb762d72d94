"""Makes the report of a run when its end step is over; whatever goes wrong with it changes nothing else."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from metaflow_windmill.contract.report import as_page
from metaflow_windmill.contract.task_spec import Page
from metaflow_windmill.internals.storages import storage_kinds
from metaflow_windmill.runtime.position.tasks import flow_datastore
from metaflow_windmill.runtime.report.artifacts import artifacts_of
from metaflow_windmill.runtime.report.cards import small_cards
from metaflow_windmill.runtime.report.page import SucceededRun, page_of
from metaflow_windmill.runtime.report.step_outcomes import seconds_since, times_of, with_end

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.runtime.output.masking import Mask
    from metaflow_windmill.runtime.position.given import ReceivedInputs
    from metaflow_windmill.runtime.position.identity import Task
    from metaflow_windmill.runtime.report.artifacts import Artifact
    from metaflow_windmill.runtime.report.step_outcomes import StepTimes
    from metaflow_windmill.types import Json

MOST_READ = 5
"""Tasks whose cards are read."""
SECONDS = 2.0
"""After which no further card is read."""


def report(task: Task, given: ReceivedInputs, outcome: Json, mask: Mask, seconds: float) -> dict[str, Json]:
    """Return the members of a result that show the run; none if they cannot be made.

    Parameters
    ----------
    task : Task
        That of the end step, which has succeeded.
    given : ReceivedInputs
    outcome : JSON value
        What the task left: in ``texts`` what it said of its values.
    mask : Mask
    seconds : float
        How long the task has taken.
    """
    try:
        return as_page(_page(task, given, outcome, mask, seconds))
    except Exception as why:  # noqa: BLE001 (the run has succeeded, and stays so)
        print(f"The page of this run was not made ({type(why).__name__}: {mask.text(str(why))}).", flush=True)
        return {}


def _page(task: Task, given: ReceivedInputs, outcome: Json, mask: Mask, seconds: float) -> str:
    page, history = task.spec.page or Page(), given.history()
    steps = times_of(history, page.modules)
    ended = SucceededRun(
        pathspec=f"{task.record.flow}/{task.run}",
        token=task.record.token,
        workspace=task.job.workspace,
        end=task.spec.step,
        seconds=seconds_since(history),
        steps=with_end(steps, task.spec.step, seconds) if steps or given.run is None else [],
        artifacts=_artifacts(task, outcome.get("texts") or {}, mask),
        cards=page.cards,
        pages=bool((history or {}).get("cards")),
        closed=int((history or {}).get("closed") or 0),
        whole=(history or {}).get("whole") is not False,
        said=list(_said(task, page, steps, mask)),
    )
    return page_of(ended)


def _artifacts(task: Task, texts: dict[str, str], mask: Mask) -> list[Artifact]:
    store = flow_datastore(task.record).get_task_datastore(task.run, task.spec.step, task.id)
    return artifacts_of(store, texts, mask)


def _said(task: Task, page: Page, steps: list[StepTimes], mask: Mask) -> Iterator[tuple[str, str, str]]:
    """Yield what the small cards say, of the steps that have one task only."""
    tasks, until = {step.step: step.tasks for step in steps}, time.monotonic() + SECONDS
    storage = storage_kinds()[task.record.datastore.type]
    ours = [step for step in page.cards if step == task.spec.step or tasks.get(step) == 1]
    for step in ours[:MOST_READ]:
        if time.monotonic() < until:
            with suppress(Exception):  # a card that cannot be read is still linked
                pathspec = f"{task.record.flow}/{task.run}/{step}/t"
                for name, text in small_cards(task.record, storage, pathspec):
                    yield step, name, mask.text(text)
