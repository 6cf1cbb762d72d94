"""The work of the workspace's scripts: one function for each, with nothing of the script's own form.

Every text that leaves, the log, the result and the error, has the repository's secrets taken out.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError
from metaflow_windmill.events import new_event, publish
from metaflow_windmill.gitsource import connect
from metaflow_windmill.workspace.card_page import card_page
from metaflow_windmill.workspace.compiling.configuration import (
    Configuration,
    changed,
    read_configuration,
    read_git_repository,
)
from metaflow_windmill.workspace.compiling.discovery import find_flows
from metaflow_windmill.workspace.compiling.pipeline import DeployRequest, deploy_newest
from metaflow_windmill.workspace.pushed import redeploy
from metaflow_windmill.workspace.pushed.push_events import Push
from metaflow_windmill.workspace.script_job import allows_files, guarded, hide_arguments, open_job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.types import Json

__all__ = [
    "DeployRequest",
    "compile_and_deploy",
    "doctor",
    "flow_choices",
    "publish_event",
    "push_arguments",
    "redeploy_if_changed",
    "redeploy_on_push",
    "show_card",
]


def compile_and_deploy(
    repo: Json, configuration: Json, changes: Mapping[str, Json], asked: DeployRequest
) -> dict[str, Json]:
    """Deploy the flows of a repository at one commit; see ``f/metaflow/compile_and_deploy``.

    Parameters
    ----------
    repo : JSON value
        A ``git_repository`` resource, or None.
    configuration : JSON value
        A ``metaflow_repo`` resource, or None.
    changes : mapping of str to JSON
        Fields of the configuration that this call says otherwise; empty ones are left as they are.
    asked : DeployRequest

    Raises
    ------
    MetaflowWindmillError
        If nothing could be tried. What goes wrong with single flows is in the result, which then
        makes the job a failed one.
    """
    chosen = changed(_chosen(repo, configuration), changes)
    redactor = chosen.redactor()
    hide_arguments(redactor)
    with guarded(open_job(_print), redactor) as job:
        return deploy_newest(job, chosen, asked).to_result(redactor)


def redeploy_if_changed(path: str) -> dict[str, Json]:
    """Deploy a configured repository if its branch moved; see ``f/metaflow/redeploy_if_changed``."""
    return redeploy.redeploy_if_changed(open_job(_print), path)


def redeploy_on_push(path: str, push: Json) -> dict[str, Json]:
    """Deploy a configured repository after a push that `push_arguments` has verified."""
    job = open_job(_print)
    if push is None:
        return redeploy.redeploy_if_changed(job, path)
    return redeploy.redeploy_on_push(job, path, _as_push(push))


def push_arguments(event: Mapping[str, Json]) -> dict[str, Json]:
    """Turn a webhook's event into the arguments of ``f/metaflow/redeploy_on_push``, once it is verified.

    A call that comes with the arguments themselves, by the SDK or from another script, was let in
    by Windmill's own token and is passed on. An HTTP route is open to everybody, so there the
    signature alone counts.
    """
    query, headers = _plain(event.get("query")), _plain(event.get("headers"))
    body = event.get("body")
    if event.get("kind") == "webhook" and isinstance(body, dict) and set(body) == {"configuration"}:
        return {"configuration": str(body["configuration"]), "push": None}
    path = query.get("configuration", "")
    if not path:
        raise DeployError(
            "The webhook's address does not say which repository it is for. Add "
            "'?configuration=<path of the metaflow_repo resource>' to it."
        )
    push = redeploy.verified_push(open_job(_print), path, headers, event.get("raw_string"))
    return {
        "configuration": path,
        "push": {
            "provider": push.provider,
            "delivery": push.delivery,
            "branches": list(push.branches),
            "ignored": push.ignored,
        },
    }


def show_card(run: str, step: str, task: str, card: str) -> dict[str, Json]:
    """Return a card of a run as a page; see ``f/metaflow/show_card``."""
    return card_page(open_job(_print).windmill, run, step, task, card)


def publish_event(name: str, payload: Json, event_id: str) -> dict[str, Json]:
    """Start the flows that wait for an event; see ``f/metaflow/publish_event``.

    Raises
    ------
    DeployError
        If one of them was not started.
    """
    published = publish(open_job(_print).windmill, new_event(name, payload, event_id))
    for delivery in published.deliveries:
        _print(f"{delivery.flow}: {delivery.what}{delivery.reason and f' ({delivery.reason})'}")
    return published.to_result()


def doctor(datastore: str, root: str, folder: str, version: str, probe: Mapping[str, str]) -> dict[str, Json]:
    """Look at the installation from this worker; see ``f/metaflow/doctor``."""
    from metaflow_windmill.workspace.doctor.worker_visit import visit

    return visit(
        open_job(_print), datastore=datastore, root=root, folder=folder, version=version, probe=probe
    )


def flow_choices(repo: Json, configuration: Json, ref: str, typed: str) -> list[dict[str, str]]:
    """Return what the form's drop-down offers: the flow files of the repository, and their folders."""
    chosen = changed(_chosen(repo, configuration), {"branch": ref})
    source = chosen.source(allow_file=allows_files())
    with (
        TemporaryDirectory() as name,
        connect(source.repository, source.credentials, source.limits) as remote,
    ):
        checkout = remote.check_out(remote.look_up(chosen.branch), Path(name).resolve() / "checkout")
        found = find_flows(checkout.root, checkout.files, ("**/*.py",), chosen.subfolder)
    skipped = len(chosen.subfolder) + 1 if chosen.subfolder else 0
    files = {flow.path[skipped:]: ", ".join(flow.flows) for flow in found}
    folders = sorted({str(PurePosixPath(path).parent) for path in files} - {"."})
    choices = [{"value": f"{folder}/**/*.py", "label": f"all flows in {folder}"} for folder in folders]
    choices += [{"value": path, "label": f"{flows} ({path})"} for path, flows in files.items()]
    return [choice for choice in choices if typed.lower() in choice["label"].lower()]


def _chosen(repo: Json, configuration: Json) -> Configuration:
    if configuration and repo:
        raise DeployError("Give either a git_repository or a metaflow_repo resource, not both.")
    if configuration:
        return read_configuration(configuration)
    return read_git_repository(repo)


def _as_push(push: Json) -> Push:
    try:
        return Push(push["provider"], push["delivery"], tuple(push["branches"]), push["ignored"])
    except (KeyError, TypeError):
        raise DeployError(
            "'push' is not what the preprocessor makes of a delivery. Leave it empty."
        ) from None


def _plain(pairs: Json) -> dict[str, str]:
    return {str(name): str(value) for name, value in pairs.items()} if isinstance(pairs, dict) else {}


def _print(line: str) -> None:
    print(line, flush=True)
