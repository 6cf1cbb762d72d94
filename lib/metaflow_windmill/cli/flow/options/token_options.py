"""Production tokens as Metaflow keeps them on a machine: one file a token prefix, in its home directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow._vendor import click

from metaflow_windmill.deployment.described.names import token_prefix
from metaflow_windmill.deployment.placed.ownership import TokenWish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.deployment.described.names import DeploymentId

token_options = (
    click.option(
        "--new-token",
        "given_token",
        default=None,
        help="Use this production token; moves the flow to its namespace.",
    ),
    click.option(
        "--generate-new-token",
        is_flag=True,
        default=False,
        help="Make a new production token; moves the flow to a new namespace.",
    ),
    click.option(
        "--authorize",
        default=None,
        help="The production token of a flow that somebody else deployed. Remembered after once.",
    ),
)
"""With which production token a flow is deployed."""


def wish_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Pick what `wish_of` takes from all options of a command."""
    return {
        "authorize": options["authorize"],
        "given": options["given_token"],
        "generate": options["generate_new_token"],
    }


def wish_of(
    identity: DeploymentId, *, authorize: str | None, given: str | None = None, generate: bool = False
) -> TokenWish:
    """Return what the options say of the token, with the token that this machine remembers."""
    from metaflow.plugins.aws.step_functions.production_token import load_token

    return TokenWish(authorize, given, generate, load_token(token_prefix(identity)))


def remember(identity: DeploymentId, token: str) -> None:
    """Keep a token for the next deployment from this machine."""
    from metaflow.plugins.aws.step_functions.production_token import store_token

    store_token(token_prefix(identity), token)
