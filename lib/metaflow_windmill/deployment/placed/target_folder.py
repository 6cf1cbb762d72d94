"""The folder that a deployment goes into: Windmill lets flows be put into folders that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import Conflict, DeployError, WindmillError

if TYPE_CHECKING:
    from metaflow_windmill.client.models import User
    from metaflow_windmill.client.windmill import Windmill


def check_folder(windmill: Windmill, path: str, user: User) -> bool:
    """Check that a user may write where a path is; return whether its folder is there.

    Raises
    ------
    DeployError
        If the user may not.
    """
    kind, name = path.split("/")[:2]
    if kind == "u":
        _check_own(name, user)
        return True
    there = windmill.folder_exists(name)
    if there:
        _check_writable(windmill, name, user)
    return there


def ensure_folder(windmill: Windmill, path: str, user: User) -> bool:
    """Make the folder of a path where it is missing; return whether it had to be made.

    A flow in a folder that does not exist is accepted by Windmill and then seen by admins only.

    Raises
    ------
    DeployError
        If the user may not write there, or the folder is missing and may not be made.
    """
    if check_folder(windmill, path, user):
        return False
    name = path.split("/")[1]
    try:
        windmill.create_folder(name)
    except Conflict:
        return False
    except WindmillError as why:
        raise DeployError(
            f"the folder f/{name} does not exist in the workspace {windmill.workspace}, and {user.username} "
            f"may not make it ({why}); ask an admin to make it and to give you write access"
        ) from why
    return True


def _check_own(name: str, user: User) -> None:
    if name != user.username and not user.is_admin:
        raise DeployError(
            f"{user.username} may not write to u/{name}; use --folder u/{user.username} or a folder f/..."
        )


def _check_writable(windmill: Windmill, name: str, user: User) -> None:
    if not user.may_write(name):
        raise DeployError(
            f"{user.username} may not write to the folder f/{name} of the workspace {windmill.workspace}; "
            "ask one of its owners for write access, or use --folder"
        )
