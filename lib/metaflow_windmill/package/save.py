"""Builds a flow's code package, and saves it in the flow's datastore, under its sha."""

from __future__ import annotations

import json
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.contract.record import PackageInfo
from metaflow_windmill.errors import PackageError

if TYPE_CHECKING:
    from metaflow.package import MetaflowPackage

    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.types import Json

KNOWN_LAYOUT = 1  # metaflow.packaging_sys.v1: Metaflow's code in .mf_code, which body.main puts on the path
RUNTIME = ".mf_code/metaflow_windmill/runtime/task.py"
LARGE = 100 * 1024 * 1024


class CodePackage:
    """The code package of a flow, built when it is first looked at, and saved when that is asked for.

    Parameters
    ----------
    obj : CliState
        What a command of a flow gets; ``windmill_internal`` is attached to the flow's steps.
    """

    def __init__(self, obj: CliState) -> None:
        self._obj = obj

    @cached_property
    def _built(self) -> MetaflowPackage:
        from metaflow.metaflow_environment import MetaflowEnvironment
        from metaflow.package import MetaflowPackage

        obj = self._obj
        return MetaflowPackage(
            obj.flow,
            MetaflowEnvironment(obj.flow),  # that of --environment=pypi would solve it here, with conda
            obj.echo,
            suffixes=obj.package_suffixes,
        )

    def user_files(self) -> dict[str, Path]:
        """Return the files of the flow's folder that are in the package, by their names there.

        Raises
        ------
        PackageError
            If the package cannot be built.
        """
        try:
            return {name: Path(path) for path, name in self._built.user_tuples()}
        except Exception as why:
            raise PackageError(
                f"The code package cannot be built ({type(why).__name__}: {why}). Look at the files in the "
                "folder of the flow: all with the packaged suffixes are in it."
            ) from why

    def save(self) -> PackageInfo:
        """Save the package in the flow's datastore.

        Returns
        -------
        PackageInfo
            For a local datastore, the address is an absolute path: every worker must see it.

        Raises
        ------
        PackageError
            If the package cannot be built or the datastore cannot be reached.
        """
        self.user_files()
        built, store, file = self._built, self._obj.flow_datastore, launcher().name
        _check({name for _, name in built.path_tuples()}, file, built.package_metadata)
        if len(built.blob) > LARGE:
            self._obj.echo(
                f"The code package has {len(built.blob) // 1024**2} MB, which every worker fetches. Keep "
                "data out of the flow's folder, or name fewer suffixes by --package-suffixes."
            )
        try:
            ((url, sha),) = store.save_data([built.blob], len_hint=1)
        except Exception as why:
            raise PackageError(
                f"The code package cannot be saved in {store.datastore_root} "
                f"({type(why).__name__}: {why}). Check that this machine can write to that datastore."
            ) from why
        return PackageInfo(_absolute(url, store.TYPE), sha, built.package_metadata, file)


def launcher() -> Path:
    """Return the file that runs the flow, which may import the flow's class from another one.

    The code package begins at its folder, as Metaflow's other orchestrators have it.
    """
    return Path(sys.argv[0])


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
