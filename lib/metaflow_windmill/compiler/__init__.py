"""A Dag and a Deployment become an OpenFlow document; pure: no I/O, no clock, no environment."""

from __future__ import annotations

from metaflow_windmill.compiler.compile import compile_flow
from metaflow_windmill.compiler.deployment import Code, Deployment, Document, TagRule
from metaflow_windmill.compiler.mermaid import mermaid
from metaflow_windmill.compiler.refusals import refuse_unsupported
from metaflow_windmill.compiler.tangles import Limits

__all__ = [
    "Code",
    "Deployment",
    "Document",
    "Limits",
    "TagRule",
    "compile_flow",
    "mermaid",
    "refuse_unsupported",
]
