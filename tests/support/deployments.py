"""A deployment that is the same on every machine and on every day."""

from __future__ import annotations

from metaflow_windmill.compiler import DeploymentSpec
from metaflow_windmill.contract.record import GitInfo, PackageInfo, Record, StoreInfo

SCRIPT = "def main(task, deployment, run=None, parameters=None, splits=None, **levels): ...\n"


def fixed_deployment(
    flow: str, max_workers: int | None = None, pack: int | None = None, max_splits: int | None = None
) -> DeploymentSpec:
    """Return a deployment of a flow that names no machine and no moment."""
    record = Record(
        flow=flow,
        owner="ada",
        token="flow-0-abcd",
        package=PackageInfo("s3://store/flow/data/1f", "1f" * 20, "{}", "flow.py"),
        datastore=StoreInfo("s3", "s3://store"),
        metadata=StoreInfo("service", "https://metadata.example"),
        git=GitInfo("https://git.example/flows.git", "0123456789abcdef" * 2 + "01234567", "flow.py", "main"),
        versions={"metaflow": "2.19.39", "metaflow_windmill": "0.1.0", "python": "3.11"},
    )
    return DeploymentSpec(
        path=f"f/flows/{flow}",
        record=record,
        script=SCRIPT,
        lock="# py: 3.11\n",
        schema={"type": "object", "properties": {}, "required": []},
        labels=("metaflow", f"flow:{flow}"),
        max_workers=max_workers,
        max_splits=max_splits,
        pack=pack,
    )
