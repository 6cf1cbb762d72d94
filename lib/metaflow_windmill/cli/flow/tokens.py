"""Production tokens as Metaflow keeps them on a machine: one file a token prefix, in its home directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.deploy.names import token_prefix
from metaflow_windmill.deploy.ownership import TokenWish

if TYPE_CHECKING:
    from metaflow_windmill.deploy.names import Identity


def wish_of(
    identity: Identity, *, authorize: str | None, given: str | None = None, generate: bool = False
) -> TokenWish:
    """Return what the options say of the token, with the token that this machine remembers."""
    from metaflow.plugins.aws.step_functions.production_token import load_token

    return TokenWish(authorize, given, generate, load_token(token_prefix(identity)))


def remember(identity: Identity, token: str) -> None:
    """Keep a token for the next deployment from this machine."""
    from metaflow.plugins.aws.step_functions.production_token import store_token

    store_token(token_prefix(identity), token)
