"""A Dag and a Deployment become an OpenFlow document; pure: no I/O, no clock, no environment."""

from __future__ import annotations

from metaflow_windmill.compiler.compile import compile_flow
from metaflow_windmill.compiler.flowchart import mermaid
from metaflow_windmill.compiler.spec import DeploymentSpec, Document, StepScript, TagRule
from metaflow_windmill.compiler.tangles import ArmLimits
from metaflow_windmill.compiler.uncompilable import refuse_unsupported

__all__ = [
    "ArmLimits",
    "DeploymentSpec",
    "Document",
    "StepScript",
    "TagRule",
    "compile_flow",
    "hook_modules",
    "mermaid",
    "refuse_unsupported",
    "sections",
]
