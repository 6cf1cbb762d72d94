"""Digests of a flow's code, by which a task of a later run is known to do the same."""

from metaflow_windmill.package.memo.digests import digest, package_digest
from metaflow_windmill.package.memo.reach import PackageCode, StepCode

__all__ = ["PackageCode", "StepCode", "digest", "package_digest"]
