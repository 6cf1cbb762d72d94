# requirements:
# metaflow==2.19.39
# requests==2.34.2
# tomli==2.2.1;python_version<'3.11'
# wmill==1.788.0
"""Deploys the Metaflow flows of a git repository, at exactly one commit, into this workspace.

Each flow is compiled in a process of its own that sees no token. What the repository contains
never decides where a flow is deployed, as whom, or on which workers: this call does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


class git_repository(TypedDict, total=False):
    """Windmill's resource type for a repository: ``url``, ``branch``, and ``folder``, a part of it."""

    url: str
    branch: str
    folder: str


class metaflow_repo(TypedDict, total=False):
    """This library's resource type: a repository and all that is to become of it."""

    url: str
    branch: str


DynMultiselect_flows_found = list[str]


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


def flows_found(
    repo: Any = None,  # noqa: ANN401 - whatever the form has
    configuration: Any = None,  # noqa: ANN401 - whatever the form has
    ref: str = "",
    filterText: str = "",  # noqa: N803 - Windmill's name
) -> list[dict[str, str]]:
    """Offer the flows of the repository in the form."""
    library()
    from metaflow_windmill.workspace.entry_points import flow_choices

    return flow_choices(repo, configuration, ref or "", filterText or "")


def main(  # noqa: PLR0917 - a form has as many fields as it needs
    repo: git_repository | None = None,
    configuration: metaflow_repo | None = None,
    ref: str = "",
    flows: DynMultiselect_flows_found | None = None,
    folder: str = "",
    project_branch: str = "",
    production: bool = False,  # noqa: FBT001, FBT002 - Windmill calls by name
    owner: str = "",
    tags: list[str] | None = None,
    worker_tag: str = "",
    max_workers: int = 0,
    pack: int = 0,
    memo: bool = False,  # noqa: FBT001, FBT002 - Windmill calls by name
    datastore: str = "",
    datastore_root: str = "",
    metadata: str = "",
    metadata_url: str = "",
    prune: bool = False,  # noqa: FBT001, FBT002 - Windmill calls by name
    dry_run: bool = False,  # noqa: FBT001, FBT002 - Windmill calls by name
    only_if_changed: bool = True,  # noqa: FBT001, FBT002 - Windmill calls by name
) -> dict[str, Json]:
    """Compile the flows that changed and deploy them; return a table of what happened.

    The form, ``compile_and_deploy.script.yaml``, says what each parameter means. A flow that
    cannot be deployed does not keep the others back, and makes the job a failed one at the end.
    """
    library()
    from metaflow_windmill.workspace.entry_points import DeployRequest, compile_and_deploy

    changes = {
        "flows": flows,
        "folder": folder,
        "project_branch": project_branch,
        "production": production or None,
        "owner": owner,
        "tags": tags,
        "worker_tag": worker_tag,
        "max_workers": max_workers or None,
        "pack": pack or None,
        "memo": memo or None,
        "datastore": datastore,
        "datastore_root": datastore_root,
        "metadata": metadata,
        "metadata_url": metadata_url,
        "prune": prune or None,
    }
    asked = DeployRequest(ref=ref or "", dry_run=dry_run, only_if_changed=only_if_changed)
    return compile_and_deploy(repo, configuration, changes, asked)
