"""What is found in a flow's value, and what is nobody's business."""

from __future__ import annotations

from metaflow_windmill.openflow import objects_in

STEP = {"type": "rawscript", "input_transforms": {"task": {"type": "static", "value": {"type": "rawscript"}}}}


def test_objects_are_found_at_any_depth_but_not_in_what_is_handed_on() -> None:
    value = {
        "modules": [{"id": "a", "value": {"type": "branchone", "default": [{"value": STEP}]}}],
        "flow_env": {"metaflow": {"type": "rawscript"}},
    }
    assert [part["type"] for part in objects_in(value) if "type" in part] == ["branchone", "rawscript"]
