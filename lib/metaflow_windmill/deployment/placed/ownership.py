"""Who may deploy where: the record in the deployed flow tells whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.contract.record import Record
from metaflow_windmill.deployment.described.names import DeploymentId, token_prefix
from metaflow_windmill.errors import DeployError, InvalidDocument, NotOurs

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Flow
    from metaflow_windmill.types import Json

TOKEN_SCHEME = "production:"  # noqa: S105  (a namespace, not a credential)


@dataclass(frozen=True)
class TokenWish:
    """What the user says about the production token.

    Parameters
    ----------
    authorize : str or None
        The token of the deployment that is there, to be allowed to replace it.
    given : str or None
        A new token, chosen by the user.
    generate : bool
        Whether to make a new one.
    cached : str or None
        The token that Metaflow's home directory remembers for these deployments.
    """

    authorize: str | None = None
    given: str | None = None
    generate: bool = False
    cached: str | None = None


def record_in(value: Json) -> Record | None:
    """Return the record in a flow's value, or None if it has none.

    Raises
    ------
    InvalidDocument
        If it has one that this version cannot read.
    """
    data = ((value or {}).get("flow_env") or {}).get("metaflow")
    return None if data is None else Record.from_json(data)


def with_record(document: Json, record: Record) -> Json:
    """Return the document with another record in it."""
    value = document["value"]
    environment = {**value["flow_env"], "metaflow": record.to_json()}
    return {**document, "value": {**value, "flow_env": environment}}


def our_record(flow: Flow, identity: DeploymentId) -> Record:
    """Return the record of a deployed flow, if it is of this deployment.

    Raises
    ------
    NotOurs
        If it is of another one, or of none of this library.
    """
    try:
        record = record_in(flow.value)
    except InvalidDocument as why:
        raise NotOurs(f"the flow at {flow.path} was not written by this version: {why}") from None
    if record is None:
        raise NotOurs(
            f"there is a flow at {flow.path} that Metaflow did not deploy; move it away in Windmill, or "
            "deploy to another place with --folder or --name"
        )
    if not identity.owns(record):
        raise NotOurs(
            f"the flow at {flow.path} is the deployment of {DeploymentId.of(record)}, not of {identity}; "
            "deploy to another place with --folder or --name"
        )
    return record


def check_allowed(record: Record, user: str, wish: TokenWish, action: str) -> None:
    """Let through the user who deployed a flow, and whoever has its production token.

    Raises
    ------
    NotOurs
        For everybody else.
    """
    presented = _bare(wish.authorize) or wish.cached
    if record.owner != user and presented != record.token:
        raise NotOurs(
            f"{record.flow} was deployed by {record.owner}; to {action} it, ask them for its production "
            "token and add --authorize TOKEN"
        )


def choose_token(previous: Record | None, identity: DeploymentId, wish: TokenWish) -> str:
    """Return the production token of the next deployment, as Metaflow's own orchestrators choose it.

    Parameters
    ----------
    previous : Record or None
        Of the deployment that is there now.
    identity : DeploymentId
    wish : TokenWish

    Raises
    ------
    DeployError
        If a project is given a token of its own, or a new one cannot follow the previous one.
    """
    from metaflow.plugins.aws.step_functions.production_token import new_token

    if wish.given:
        if identity.project is not None:
            raise DeployError(
                "--new-token cannot be used with @project, whose flows share a token; "
                "use --generate-new-token"
            )
        return _bare(wish.given) or wish.given
    if previous is not None and not wish.generate:
        return previous.token
    made: str | None = new_token(token_prefix(identity), previous.token if previous else None)
    if made is None:
        raise DeployError(
            "--generate-new-token cannot follow a token that --new-token chose; "
            "choose the next one by --new-token too"
        )
    return made


def _bare(token: str | None) -> str | None:
    return token.removeprefix(TOKEN_SCHEME) if token else None
