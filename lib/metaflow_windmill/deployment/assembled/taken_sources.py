"""``@package_sources`` of a flow that is deployed, wherever its file comes from."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.deployment.described.git_origin import told_origin
from metaflow_windmill.internals.deploying import files_of_package_sources, package_sources_of
from metaflow_windmill.package.save import launcher
from metaflow_windmill.package.taken import check_files, check_sources, remarks

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.package.save import CodePackage


def check_package_sources(obj: CliState, package: CodePackage) -> None:
    """Look at what the flow takes into its code package from other folders, before that is built.

    A flow in somebody's folder may take what it likes; one from git only what its commit holds.

    Raises
    ------
    PackageError
    """
    sources = package_sources_of(obj.flow)
    if not sources:
        return
    root = _repository()
    if root is not None:
        check_sources(sources, root)
    files = files_of_package_sources(obj.flow)
    if root is not None:
        check_files(files.values(), root)
    for remark in remarks(sources, files, package.user_files()):
        click.secho(f"Note: {remark}", fg="yellow", err=True)


def _repository() -> Path | None:
    """Return the root of the checkout that the flow is compiled in; None where nobody made one."""
    origin = told_origin()
    return None if origin is None else launcher().resolve().parents[len(PurePosixPath(origin.path).parts) - 1]
