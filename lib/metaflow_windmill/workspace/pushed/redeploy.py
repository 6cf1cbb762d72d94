"""Redeploys a repository by its configuration's path: after a push, or when a schedule finds a new head.

What was deployed last is remembered in one place, the resource ``<path of the configuration>_state``.
It is written only once everything is deployed, so that whatever breaks in between is done by the
next run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError, GitSourceError, NotFound
from metaflow_windmill.workspace.compiling.configuration import Configuration, read_configuration
from metaflow_windmill.workspace.compiling.pipeline import DeployRequest, deploy_newest, look_up
from metaflow_windmill.workspace.pushed.push_events import Push, read_push
from metaflow_windmill.workspace.script_job import guarded

if TYPE_CHECKING:
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.script_job import ScriptJob

MOST_DELIVERIES = 200
STATE = "state"
_SECRET = frozenset({"token", "ssh_key", "webhook_secret", "known_hosts", "ca_certificates", "url"})


@dataclass(frozen=True)
class State:
    """What is remembered of a configuration.

    Parameters
    ----------
    commit, ref : str
        What was deployed last, completely.
    configuration : str
        A digest of what the configuration said then; of no secret.
    deliveries : tuple of str
        The git host's names for the pushes that were dealt with, oldest first.
    at : str
        When, in ISO 8601.
    """

    commit: str = ""
    ref: str = ""
    configuration: str = ""
    deliveries: tuple[str, ...] = ()
    at: str = ""

    @classmethod
    def from_json(cls, data: Json) -> State:
        """Read what was remembered; what cannot be read counts as nothing, and is deployed again."""
        texts = {
            name: data[name]
            for name in ("commit", "ref", "configuration", "at")
            if isinstance(data.get(name), str)
        }
        deliveries = data.get("deliveries")
        known = deliveries if isinstance(deliveries, list) else []
        return cls(**texts, deliveries=tuple(item for item in known if isinstance(item, str)))


def state_path(configuration: str) -> str:
    """Return where it is remembered what was deployed by a configuration."""
    return f"{configuration}_state"


def redeploy_if_changed(job: ScriptJob, path: str) -> dict[str, Json]:
    """Look at the head of the branch once, and deploy it unless it is the one deployed.

    Parameters
    ----------
    job : ScriptJob
    path : str
        Of a ``metaflow_repo`` resource.

    Raises
    ------
    MetaflowWindmillError
        Without any secret in it.
    """
    configuration = _configuration(job, path)
    state = _state(job, path)
    with guarded(job, configuration.redactor()) as quiet:
        head = look_up(quiet, configuration)
        if head.commit == state.commit and state.configuration == _digest(configuration):
            return _nothing(
                f"{head.name} still stands at {head.commit[:12]}, which is deployed.", head.commit
            )
        return _deploy(quiet, path, configuration, state)


def redeploy_on_push(job: ScriptJob, path: str, push: Push) -> dict[str, Json]:
    """Deploy the branch that a verified push is about, if it is the configuration's.

    Nothing of the push is used but its branch and its name: what is deployed is the head of the
    configured branch, as the repository itself tells it.
    """
    if push.ignored:
        return _nothing(push.ignored)
    configuration = _configuration(job, path)
    state = _state(job, path)
    if push.delivery in state.deliveries:
        return _nothing(f"The delivery {push.delivery[:60]} was dealt with before, so nothing was done.")
    with guarded(job, configuration.redactor()) as quiet:
        head = look_up(quiet, configuration)
        if head.ref not in {f"refs/heads/{branch}" for branch in push.branches}:
            told = ", ".join(branch[:100] for branch in push.branches)
            return _nothing(f"The push is to {told}, but {head.name} is deployed: nothing was done.")
        return _deploy(quiet, path, configuration, state, push.delivery)


def verified_push(job: ScriptJob, path: str, headers: dict[str, str], raw: str | None) -> Push:
    """Return a delivery, once it is proven to be signed with the secret of a configuration.

    Raises
    ------
    GitSourceError, DeployError
    """
    configuration = _configuration(job, path)
    if raw is None:
        raise GitSourceError(
            "The raw body of the delivery is missing, so that its signature cannot be verified. Add "
            "'&raw=true' to the webhook's address, or turn 'raw_string' on in the HTTP trigger."
        )
    return read_push(headers, raw.encode(), configuration.webhook_secret)


def _configuration(job: ScriptJob, path: str) -> Configuration:
    if not isinstance(path, str) or path.startswith("$res:"):
        raise DeployError(
            "'configuration' wants the path of a metaflow_repo resource, such as f/team/flows_repo. Leave "
            "out the $res: before it, for which Windmill puts in what the resource says."
        )
    if not path.startswith(("f/", "u/")) or ".." in path:
        raise DeployError(
            f"{path[:80]!r} is not the path of a metaflow_repo resource, such as f/team/flows_repo."
        )
    try:
        return read_configuration(job.windmill.resources.filled(path))
    except NotFound:
        raise DeployError(
            f"There is no resource {path}, or this job's user may not read it. Check its path and its folder."
        ) from None


def _state(job: ScriptJob, path: str) -> State:
    found = job.windmill.resources.find(state_path(path))
    return State.from_json(found if isinstance(found, dict) else {})


def _deploy(
    job: ScriptJob, path: str, configuration: Configuration, state: State, delivery: str = ""
) -> dict[str, Json]:
    report = deploy_newest(job, configuration, DeployRequest())
    if not report.failures:
        deliveries = (*state.deliveries, delivery)[-MOST_DELIVERIES:] if delivery else state.deliveries
        new = replace(state, commit=report.commit, ref=report.ref, deliveries=deliveries)
        new = replace(new, configuration=_digest(configuration), at=datetime.now(timezone.utc).isoformat())
        value = {**asdict(new), "deliveries": list(new.deliveries)}
        job.windmill.resources.put(state_path(path), value, STATE, "What redeploying remembers.")
    return report.to_result(configuration.redactor())


def _digest(configuration: Configuration) -> str:
    plain = {name: value for name, value in asdict(configuration).items() if name not in _SECRET}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:24]


def _nothing(why: str, commit: str = "") -> dict[str, Json]:
    return {"wm_renderer": "markdown", "markdown": why, "deployed": False, "why": why, "commit": commit}
