"""What a run asks people, and the forms that answer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from metaflow_windmill.devserver.api.approval_routes import ApprovalForm, asked_by, why_not
from metaflow_windmill.devserver.api.auth import bearer_of, said_token
from metaflow_windmill.devserver.pages import layout
from metaflow_windmill.devserver.pages.fields import PREFIX, Filled, fields_of, read, typed_of
from metaflow_windmill.devserver.pages.form import run_form
from metaflow_windmill.devserver.pages.markdown_html import rendered
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text
from metaflow_windmill.devserver.pages.viewer import html, to
from metaflow_windmill.devserver.refusals import bad_request
from metaflow_windmill.devserver.store import approval_rows
from metaflow_windmill.devserver.store.approval_rows import Answer

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.responses import Response

    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.devserver.pages.viewer import Viewer
    from metaflow_windmill.devserver.store.job_rows import JobRow
    from metaflow_windmill.types import Json

MOST = 20
"""Questions that a page shows."""


def of_run(services: Services, root: str, jobs: Collection[str]) -> Markup | None:
    """Return the questions of some jobs of a tree; None where nobody is asked."""
    waiting = [job for job in approval_rows.waiting(services.database.read(), root) if job.id in jobs]
    if not waiting:
        return None
    made = [_question(services, job, None) for job in waiting[:MOST]]
    rest = len(waiting) - MOST
    more = tag("p", f"… and {rest} more.", class_="soft") if rest > 0 else text("")
    return join([tag("h2", "Waits for an answer"), *made, more])


def answer(viewer: Viewer) -> Response:
    """Take an answer, or show again what is wrong with it."""
    services, wanted = viewer.services, viewer.request.path_params["id"]
    job = viewer.job(str(wanted), "write")
    asked = asked_by(services, job)
    refusal = why_not(services, bearer_of(services, said_token(viewer.request)), job, asked)
    if refusal is not None:
        raise refusal
    form = viewer.form()
    approved = form.get("approved") != "false"
    typed = {name.removeprefix(PREFIX): value for name, value in form.items() if name.startswith(PREFIX)}
    filled = read(fields_of(_schema(asked)), typed) if _schema(asked) else Filled()
    if filled.wrong and approved:
        return html(viewer, "answer", layout.card("Answer", _question(services, job, filled)), status=422)
    word = Answer(approved, filled.arguments or None, viewer.who(job.workspace).username)
    if not services.engine.answer(job.id, word):
        raise bad_request("the run does not wait there any more")
    return to(f"/run/{job.root}")


def _question(services: Services, job: JobRow, filled: Filled | None) -> Markup:
    asked = asked_by(services, job)
    fields = fields_of(_schema(asked))
    buttons = [tag("button", "Approve", type="submit", name_="approved", value="true", class_="primary")]
    if not asked.hide_cancel:
        reject: dict[str, Any] = {"type": "submit", "name_": "approved", "value": "false"}
        buttons.append(tag("button", "Reject", formnovalidate=True, **reject))
    first = filled or Filled(typed=typed_of(fields, {}))
    action = f"/run/{quote(job.id)}/answer"
    described = rendered(str(asked.description)) if asked.description else text("")
    form = run_form(action, fields, first, lambda _: (), buttons=buttons, whole=False)
    return tag("div", tag("p", job.path or "", class_="soft"), described, form, class_="asked")


def _schema(asked: ApprovalForm) -> Json:
    return (asked.form or {}).get("schema") if isinstance(asked.form, dict) else None
