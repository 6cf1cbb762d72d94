# requirements:
# metaflow==2.19.39
# requests==2.34.2
# tomli==2.2.1;python_version<'3.11'
# wmill==1.788.0
"""Deploys a configured repository after a push: the target of a git host's webhook.

GitHub, GitLab, Gitea and Bitbucket are understood. A delivery counts only if it is signed with
the configuration's secret, and even then it is a hint: which repository is read, and what is
deployed from it and where, comes from the configuration; the commit, from the repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaflow_windmill.types import Json


def preprocessor(event: dict[str, Any]) -> dict[str, Json]:
    """Verify a delivery and keep of it only what is needed: the job's arguments are stored."""
    from f.metaflow.library import load

    load()
    from metaflow_windmill.workspace.scripts import push_arguments

    return push_arguments(event)


def main(configuration: str, push: dict[str, Any] | None = None) -> dict[str, Json]:
    """Deploy the branch that was pushed to, if it is the one that the configuration deploys."""
    from f.metaflow.library import load

    load()
    from metaflow_windmill.workspace.scripts import redeploy_on_push

    return redeploy_on_push(configuration, push)
