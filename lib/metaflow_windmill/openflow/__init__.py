"""The typed OpenFlow document, to and from JSON."""

from __future__ import annotations

from metaflow_windmill.openflow.module import (
    ConstantDelay,
    ExponentialDelay,
    FlowValue,
    Mock,
    Module,
    Retry,
    StopAfterIf,
    Suspend,
)
from metaflow_windmill.openflow.reading import read_flow_value
from metaflow_windmill.openflow.transforms import Ai, InputTransform, Javascript, Number, Static
from metaflow_windmill.openflow.values import (
    Arm,
    Branch,
    BranchAll,
    BranchOne,
    ForLoop,
    Identity,
    Opaque,
    RawScript,
    Script,
    SubFlow,
    Value,
    WhileLoop,
)

__all__ = [
    "Ai",
    "Arm",
    "Branch",
    "BranchAll",
    "BranchOne",
    "ConstantDelay",
    "ExponentialDelay",
    "FlowValue",
    "ForLoop",
    "Identity",
    "InputTransform",
    "Javascript",
    "Mock",
    "Module",
    "Number",
    "Opaque",
    "RawScript",
    "Retry",
    "Script",
    "Static",
    "StopAfterIf",
    "SubFlow",
    "Suspend",
    "Value",
    "WhileLoop",
    "read_flow_value",
]
