"""The typed OpenFlow document, to and from JSON."""

from __future__ import annotations

from metaflow_windmill.openflow.document import (
    Arm,
    Branch,
    BranchAll,
    BranchOne,
    FlowValue,
    ForLoop,
    Module,
    Value,
    WhileLoop,
)
from metaflow_windmill.openflow.leaves import Identity, Opaque, RawScript, Script, SubFlow
from metaflow_windmill.openflow.objects import modules_in, objects_in, scripts_in
from metaflow_windmill.openflow.reading import read_flow_value
from metaflow_windmill.openflow.rules import (
    ConstantDelay,
    ExponentialDelay,
    Mock,
    Retry,
    StopAfterIf,
    Suspend,
)
from metaflow_windmill.openflow.transforms import Ai, InputTransform, Javascript, Number, Static

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
    "modules_in",
    "objects_in",
    "read_flow_value",
    "rewritten",
    "scripts_in",
]
