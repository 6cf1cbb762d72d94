"""Saves a flow's code package in the flow's datastore, under its sha."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaflow_windmill.contract.record import PackageInfo
from metaflow_windmill.errors import PackageError

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

KNOWN_LAYOUT = 1  # metaflow.packaging_sys.v1: Metaflow's code in .mf_code, which run_step.py puts on the path
RUNTIME = ".mf_code/metaflow_windmill/runtime/task.py"


def save_package(obj: Any) -> PackageInfo:  # noqa: ANN401  (Metaflow's CliState)
    """Have Metaflow build the code package of a flow, and save it.

    Parameters
    ----------
    obj : CliState
        What a command of a flow gets; ``windmill_internal`` is attached to the flow's steps.

    Returns
    -------
    PackageInfo
        For a local datastore, the address is an absolute path: every worker must see it.

    Raises
    ------
    PackageError
        If the package cannot be built or the datastore cannot be reached.
    """
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.package import MetaflowPackage

    file = _flow_file(obj.flow)
    try:
        package = MetaflowPackage(
            obj.flow,
            MetaflowEnvironment(obj.flow),  # that of --environment=pypi would solve it here, with conda
            obj.echo,
            suffixes=obj.package_suffixes,
            flow_datastore=obj.flow_datastore,
        )
        url, sha = package.package_url(), package.package_sha()
        names = {name for _, name in package.path_tuples()}
    except Exception as why:
        raise PackageError(
            f"The code package cannot be saved in {obj.flow_datastore.datastore_root} "
            f"({type(why).__name__}: {why}). Check that this machine can write to that datastore."
        ) from why
    _check(names, file, package.package_metadata)
    return PackageInfo(_absolute(url, obj.flow_datastore.TYPE), sha, package.package_metadata, file)


def _flow_file(flow: Any) -> str:  # noqa: ANN401
    """Return the name of the flow's file, which is at the root of the package."""
    return Path(inspect.getfile(type(flow))).name


def _absolute(url: str, datastore: str) -> str:
    return str(Path(url).resolve()) if datastore == "local" else url


def _check(names: set[str], file: str, metadata: Json) -> None:
    """Refuse a package that no task could run."""
    if json.loads(metadata).get("mfcontent_version") != KNOWN_LAYOUT:
        raise PackageError(
            "This version of Metaflow lays out code packages in a way that this project does not know. "
            "Take a newer metaflow-windmill from its repository, or an older Metaflow."
        )
    if file not in names:
        raise PackageError(
            f"The flow file {file} is not in its code package. Name it with the suffix .py, "
            "or give its suffix by --package-suffixes."
        )
    if RUNTIME not in names:
        raise PackageError("The step decorator windmill_internal is not attached to the flow's steps.")
