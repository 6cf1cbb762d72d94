"""What this extension adds to Metaflow, by name: nothing is imported before it is used."""

from __future__ import annotations

CLIS_DESC = [("windmill", ".windmill_cli.cli")]
STEP_DECORATORS_DESC = [
    ("windmill_internal", ".windmill_decorator.WindmillInternalDecorator"),
    ("windmill", ".windmill_step.WindmillDecorator"),
]
DEPLOYER_IMPL_PROVIDERS_DESC = [("windmill", ".windmill_deployer.WindmillDeployer")]
