"""A look at the place of a deployment before anything is made: what is there, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.deployment.described.secret_references import check_secrets
from metaflow_windmill.deployment.placed.ownership import check_allowed, choose_token, our_record
from metaflow_windmill.deployment.placed.target_folder import check_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.client.models import Flow, User
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.deployment.described.names import DeploymentId
    from metaflow_windmill.deployment.described.secret_references import Secret
    from metaflow_windmill.deployment.placed.ownership import TokenWish


@dataclass(frozen=True)
class DeploymentPlan:
    """Where a document goes, what is there, and as whose.

    Parameters
    ----------
    windmill : Windmill
    path : str
    existing : Flow or None
        What is at the path now.
    token : str
        The production token that the next deployment carries.
    user : User
        Who deploys, as Windmill knows them.
    """

    windmill: Windmill
    path: str
    existing: Flow | None
    token: str
    user: User


def survey(
    windmill: Windmill,
    path: str,
    identity: DeploymentId,
    *,
    owner: str,
    user: User,
    wish: TokenWish,
    secrets: Iterable[Secret] = (),
) -> DeploymentPlan:
    """Look at the place of a deployment: what is there, whose it is, and which token it goes on with.

    Parameters
    ----------
    windmill : Windmill
    path : str
    identity : DeploymentId
    owner : str
        The Metaflow user who deploys.
    user : User
        Whom the Windmill token belongs to.
    wish : TokenWish
    secrets : iterable of Secret
        What has to be in the workspace.

    Raises
    ------
    NotOurs
        If the path is somebody else's.
    DeployError
        If the wish cannot be fulfilled, or a secret is not there.
    """
    existing = windmill.find_flow(path)
    previous = our_record(existing, identity) if existing else None
    if previous is not None:
        check_allowed(previous, owner, wish, "deploy a new version of")
    check_folder(windmill, path, user)
    token = choose_token(previous, identity, wish)
    check_secrets(windmill, secrets)
    return DeploymentPlan(windmill, path, existing, token, user)
