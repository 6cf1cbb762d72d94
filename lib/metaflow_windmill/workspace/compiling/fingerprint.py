"""What a flow is made of, as one digest: equal for two commits that differ only in other flows.

A code package holds every Python file in the folder of its flow, so that its own sha changes
with any of them. The digest leaves out the files of other flows that this one does not import,
and the libraries, whose versions the deployment record has.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metaflow_windmill.errors import PackageError
from metaflow_windmill.workspace.compiling.discovery import imports_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_UNPACKED = 4 * 1024**3
_LIBRARIES = (".mf_code/metaflow/", ".mf_code/metaflow_windmill/", ".mf_code/metaflow_extensions/")
_ABOUT = (".mf_meta/", ".mf_install", "INFO")


def content_digest(package: bytes, others: Iterable[str]) -> str:
    """Return the digest of a package without the libraries and without some files of the flow's folder.

    Raises
    ------
    PackageError
        If it is not a package.
    """
    left_out = frozenset(others)
    digests = []
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
            for member in archive:
                total += member.size
                if total > MAX_UNPACKED:
                    raise PackageError(
                        "The code package unpacks to too much. Keep data out of the flow's folder."
                    )
                if (
                    member.isfile()
                    and member.name not in left_out
                    and not member.name.startswith(_LIBRARIES + _ABOUT)
                ):
                    file = archive.extractfile(member)
                    content = b"" if file is None else file.read()
                    digests.append(f"{member.name}\0{hashlib.sha256(content).hexdigest()}")
    except (tarfile.TarError, OSError, EOFError) as why:
        raise PackageError(f"The code package is not one of Metaflow's ({why}).") from None
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def files_of_others(root: Path, flow: str, flows: Iterable[str], files: Iterable[str]) -> list[str]:
    """Return the flow files in a flow's folder that it does not import, by their names in its package."""
    folder = PurePosixPath(flow).parent
    needed = imports_of(root, flow, frozenset(files))
    below = (PurePosixPath(other) for other in flows if other not in needed)
    return [str(path.relative_to(folder)) for path in below if path.is_relative_to(folder)]
