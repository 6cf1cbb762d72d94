"""This library as one script of a workspace, which the other scripts of ``f/metaflow`` unpack and import.

It is what runs here that is packed, be it a checkout, an installed wheel or a copy that a job has unpacked.
The same files give the same sha; how well they are compressed may differ between machines.
"""

from __future__ import annotations

import base64
import bz2
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import metaflow_windmill

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "library"
ROOT = Path(metaflow_windmill.__file__).parent
EXTENSION = ROOT.parent / "metaflow_extensions" / "windmill"
SHIPPED = Path(__file__).with_name("f_metaflow")
UNPACKER = Path(__file__).with_name("library.txt")
"""The script without an archive: a link in a checkout, a copy where this is installed."""

_KINDS = frozenset({".py", ".txt", ".typed", ".yaml"})
_LEFT_OUT = frozenset({"devserver", "__pycache__"})
_WIDTH = 100


@lru_cache(maxsize=1)
def library_files() -> dict[str, str]:
    """Return the text of each file by its name below the folder that Python is told of.

    The embedded server is left out, and so is the script that holds all this.
    """
    found = {*_files_in(ROOT), *_files_in(EXTENSION), *SHIPPED.iterdir()}
    named = {_name(file): file for file in found if file.suffix in _KINDS and file.is_file()}
    named.pop(_name(SHIPPED / f"{NAME}.py"), None)
    return {name: named[name].read_text(encoding="utf-8") for name in sorted(named)}


def library_sha(files: dict[str, str]) -> str:
    """Return the sha256 of files, which does not depend on how they are compressed."""
    return hashlib.sha256(_packed(files)).hexdigest()


def library_script(files: dict[str, str]) -> str:
    """Return the text of the script ``f/metaflow/library``; bzip2 makes less of texts than xz does."""
    archive = base64.b85encode(bz2.compress(_packed(files))).decode()
    lines = "\n".join(archive[start : start + _WIDTH] for start in range(0, len(archive), _WIDTH))
    text = UNPACKER.read_text(encoding="utf-8")
    for name, value in (
        ("VERSION", f'"{metaflow_windmill.__version__}"'),
        ("SHA256", f'"{library_sha(files)}"'),
        ("ARCHIVE", f'"""\n{lines}\n"""'),
    ):
        text = text.replace(f'\n{name} = ""\n', f"\n{name} = {value}\n", 1)
    return text


def empty_script() -> str:
    """Return the script without a library, for jobs that get it as a package of their environment."""
    return UNPACKER.read_text(encoding="utf-8")


def without_archive(script: str) -> str:
    """Return a script of `library_script` without the part that nobody can read."""
    return re.sub(r'^ARCHIVE = """.*?"""$', 'ARCHIVE = "..."', script, flags=re.MULTILINE | re.DOTALL)


def _packed(files: dict[str, str]) -> bytes:
    return json.dumps(files, sort_keys=True, ensure_ascii=False).encode()


def _files_in(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if not _LEFT_OUT & set(file.relative_to(folder).parts))


def _name(file: Path) -> str:
    return file.relative_to(ROOT.parent).as_posix()
