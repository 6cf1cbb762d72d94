"""What `create` and `run` are told: which deployment is meant, what of it, and by which production token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaflow_windmill.cli.flow.options.shared import target_options
from metaflow_windmill.cli.flow.options.tokens import token_options, wish_of, wish_options
from metaflow_windmill.cli.flow.options.wanted import flow_options
from metaflow_windmill.deployment.assembled.deployment import meant
from metaflow_windmill.deployment.assembled.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from metaflow_windmill.deployment.assembled.deployment import Given, Meant
    from metaflow_windmill.deployment.placed.ownership import TokenWish
    from metaflow_windmill.internals.deploying import CliState


def creation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `Creation` is made of."""
    for add in (token_options, flow_options, target_options):
        command = add(command)
    return command


@dataclass(frozen=True)
class Creation:
    """What a person wants deployed."""

    target: Meant
    wanted: Wanted
    wish: TokenWish

    @classmethod
    def of(cls, obj: CliState, given: Given, options: Mapping[str, Any]) -> Creation:
        """Pick them from all options of a command; `DeployError` if they do not fit together."""
        target, wanted = meant(obj, given), Wanted.of(options)
        return cls(target, wanted, wish_of(target.identity, **wish_options(options)))
