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


def preprocessor(event: dict[str, Any]) -> dict[str, Json]:
    """Verify a delivery and keep of it only what is needed: the job's arguments are stored."""
    library()
    from metaflow_windmill.workspace.entry_points import push_arguments

    return push_arguments(event)


def main(configuration: str, push: dict[str, Any] | None = None) -> dict[str, Json]:
    """Deploy the branch that was pushed to, if it is the one that the configuration deploys."""
    library()
    from metaflow_windmill.workspace.entry_points import redeploy_on_push

    return redeploy_on_push(configuration, push)
