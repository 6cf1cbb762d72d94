"""What `create` and `run` are told: which deployment is meant, what of it, and by which production token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metaflow_windmill.cli.flow.options.flow_options import flow_options
from metaflow_windmill.cli.flow.options.shared import target_options
from metaflow_windmill.cli.flow.options.token_options import token_options, wish_of, wish_options
from metaflow_windmill.deployment.assembled.deployment_target import meant
from metaflow_windmill.deployment.assembled.options import DeployOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.deployment.assembled.deployment_target import Target, TargetOptions
    from metaflow_windmill.deployment.placed.ownership import TokenWish
    from metaflow_windmill.internals.deploying import CliState


creation_options = (target_options, *flow_options, *token_options)
"""What `Creation` is made of."""


@dataclass(frozen=True)
class Creation:
    """What a person wants deployed."""

    target: Target
    wanted: DeployOptions
    wish: TokenWish

    @classmethod
    def of(cls, obj: CliState, given: TargetOptions, options: Mapping[str, Any]) -> Creation:
        """Pick them from all options of a command; `DeployError` if they do not fit together."""
        target, wanted = meant(obj, given), DeployOptions.of(options)
        return cls(target, wanted, wish_of(target.identity, **wish_options(options)))
