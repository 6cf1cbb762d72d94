"""What is sent to tell of the end of a run: a request for each kind of channel, nothing sent yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.contract.pack import failed_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaflow_windmill.contract.notification import ChannelKind
    from metaflow_windmill.types import Json

PAGER_DUTY = "https://events.pagerduty.com/v2"
INCIDENT_IO = "https://api.incident.io/v2/alert_events/http"
MOST_CHARACTERS = 2000
"""Of the message of what failed; Slack takes 3000 in one section."""


@dataclass(frozen=True)
class EndedRun:
    """A run that is over.

    Parameters
    ----------
    flow, run : str
        Metaflow's names of the flow and of the run.
    path, workspace, page : str
        Of the flow in Windmill, and the address of the run's page there.
    owner : str
    project, branch : str or None
    schedule : str or None
        The path of the schedule that started the run.
    error : dict or None
        ``step``, ``name`` and ``message`` of what failed; None if the run succeeded.
    """

    flow: str
    run: str
    path: str
    workspace: str
    page: str
    owner: str
    project: str | None = None
    branch: str | None = None
    schedule: str | None = None
    error: dict[str, str] | None = None

    @property
    def pathspec(self) -> str:
        """Metaflow's name of the run, with the flow."""
        return f"{self.flow}/{self.run}"

    @property
    def status(self) -> str:
        """How it ended."""
        return "failed" if self.error else "succeeded"

    @property
    def reason(self) -> str:
        """What failed, in one line; nothing if the run succeeded."""
        if self.error is None:
            return ""
        where = f" at step {self.error['step']}" if self.error["step"] else ""
        return f"{where.strip()}: {self.error['name']}: {self.error['message']}".lstrip(": ")


@dataclass(frozen=True)
class Post:
    """A request."""

    url: str = field(repr=False)
    body: dict[str, Json] = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def post_of(kind: ChannelKind, ended: EndedRun, credential: str, settings: dict[str, Json]) -> Post:
    """Return the request that tells a channel.

    Parameters
    ----------
    kind : str
    ended : EndedRun
    credential : str
        The channel's address or key.
    settings : dict
        What else the channel needs.
    """
    return _POSTS[kind](ended, credential, settings)


def ended_of(error: Json) -> dict[str, str]:
    """Return what a notification says of an error that Windmill tells."""
    said = error if isinstance(error, dict) else {}
    message = str(said.get("message") or "the run failed")
    cut = message if len(message) <= MOST_CHARACTERS else f"{message[:MOST_CHARACTERS]} ... (cut)"
    return {"step": failed_step(error), "name": str(said.get("name") or "Error"), "message": cut}


def _webhook(ended: EndedRun, url: str, _: dict[str, Json]) -> Post:
    names = ("flow", "run", "path", "workspace", "page", "owner", "project", "branch", "schedule", "error")
    told = {name: getattr(ended, name) for name in names}
    return Post(url, {"status": ended.status, "pathspec": ended.pathspec, **told})


def _slack(ended: EndedRun, url: str, _: dict[str, Json]) -> Post:
    sign = ":x:" if ended.error else ":white_check_mark:"
    text = f"{sign} *{_escaped(ended.pathspec)}* {ended.status}.{ended.page and f' <{ended.page}|Its page>'}"
    reason = f"\n```{_escaped(ended.reason)}```" if ended.error else ""
    return Post(url, {"text": text + reason})


def _pager_duty(ended: EndedRun, key: str, _: dict[str, Json]) -> Post:
    links = [{"href": ended.page, "text": "The run's page"}]
    summary = f"Metaflow run {ended.pathspec} {ended.status}"
    details = {"Flow": ended.flow, "Run ID": ended.run}
    if ended.error is None:  # a change and no alert, as Metaflow's other orchestrators have it
        body = {"summary": summary, "source": ended.path, "custom_details": details}
        return Post(f"{PAGER_DUTY}/change/enqueue", {"routing_key": key, "payload": body, "links": links})
    body = {"summary": f"{summary}: {ended.reason}"[:1024], "source": ended.path, "severity": "error"}
    alert = {"routing_key": key, "event_action": "trigger", "dedup_key": ended.pathspec, "links": links}
    return Post(f"{PAGER_DUTY}/enqueue", {**alert, "payload": {**body, "custom_details": details}})


def _incident_io(ended: EndedRun, key: str, settings: dict[str, Json]) -> Post:
    told = {"run_status": ended.status, "flow_name": ended.flow, "run_id": ended.run}
    body = {
        "idempotency_key": ended.run,
        "status": "firing",
        "title": f"Flow {ended.flow} has {ended.status}.",
        "description": f"Metaflow run {ended.pathspec} {ended.status}. {ended.reason}".strip(),
        "source_url": ended.page,
        "metadata": {**(settings.get("metadata") or {}), **told},
    }
    return Post(f"{INCIDENT_IO}/{settings['source']}", body, {"Authorization": f"Bearer {key}"})


def _escaped(text: str) -> str:
    """Return a text as Slack shows it: three characters have a meaning there."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_POSTS: dict[ChannelKind, Callable[[EndedRun, str, dict[str, Json]], Post]] = {
    "slack": _slack,
    "webhook": _webhook,
    "pager_duty": _pager_duty,
    "incident_io": _incident_io,
}
