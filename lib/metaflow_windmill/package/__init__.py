"""The code package: what is in it, where it is kept, and what a worker needs besides it."""

from __future__ import annotations

from metaflow_windmill.package.lock import lock_for
from metaflow_windmill.package.requirements import find_requirements
from metaflow_windmill.package.save import CodePackage, launcher
from metaflow_windmill.package.script import step_script

__all__ = ["CodePackage", "find_requirements", "launcher", "lock_for", "step_script"]
