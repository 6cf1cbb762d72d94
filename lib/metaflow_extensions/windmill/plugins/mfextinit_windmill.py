"""What this extension adds to Metaflow, by name: nothing is imported before it is used."""

from __future__ import annotations

import sys

if "windmill" in sys.argv:  # a command of a flow, and no task: only then something more is imported
    from metaflow_windmill.package.reads import watch

    watch(sys.argv[0])

CLIS_DESC = [("windmill", ".windmill_cli.cli")]
STEP_DECORATORS_DESC = [
    ("windmill_internal", ".windmill_decorator.WindmillInternalDecorator"),
    ("windmill", ".windmill_step.WindmillDecorator"),
    ("memo", ".windmill_memo.MemoDecorator"),
]
DEPLOYER_IMPL_PROVIDERS_DESC = [("windmill", ".windmill_deployer.WindmillDeployer")]
