"""Where the items of a workspace may stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import folders
from metaflow_windmill.devserver.refusals import bad_request

if TYPE_CHECKING:
    import sqlite3

PATH = re.compile(r"[ufg](/[\w-]+){2,}", re.ASCII)
LONGEST = 255
"""Characters of a path."""


def check_path(path: str) -> str:
    """Return a path if an item may stand there.

    Raises
    ------
    RequestRefused
        If it is not ``u/<user>/...``, ``f/<folder>/...`` or ``g/<group>/...``, or is too long.
    """
    if len(path) > LONGEST or not PATH.fullmatch(path):
        raise bad_request(
            f"{path!r} is not a path; write f/<folder>/<name> or u/<user>/<name>: letters, digits, _ and -"
        )
    return path


def check_place(connection: sqlite3.Connection, workspace: str, path: str) -> str:
    """Return a path where a new item may stand: valid, and in a folder that is there.

    A Windmill lets its superadmin write into a folder that nobody made, and nobody else. Here everyone is
    asked to make the folder first, so that a flow which deploys here deploys there too.

    Raises
    ------
    RequestRefused
        If the path is not valid or its folder is absent.
    """
    kind, folder = check_path(path).split("/")[:2]
    if kind == "f" and not folders.exists(connection, workspace, folder):
        raise bad_request(f"folder {folder} does not exist in workspace {workspace}; create it first")
    return path
