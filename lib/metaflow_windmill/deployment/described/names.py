"""The path of a deployed flow, and the names that hang on it: labels, tokens, run ids."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from metaflow_windmill.contract.resume_argument import WINDMILL_RUN
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from metaflow_windmill.contract.record import Record

DEFAULT_FOLDER = "f/flows"
OWN_FOLDER = "f/metaflow"

_PATH_LIMIT = 255
_PART_LIMIT = 100
_FOLDER = re.compile(r"[fu](/[A-Za-z0-9_-]+)+")
_PART = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class DeploymentId:
    """What tells one deployment from every other.

    Parameters
    ----------
    flow : str
        The name of the flow class.
    name : str or None
        The name that it is deployed under instead, from ``--name``.
    project, branch : str or None
        Of ``@project``; `branch` is the full name, such as ``user.alice``.
    """

    flow: str
    name: str | None = None
    project: str | None = None
    branch: str | None = None

    @classmethod
    def of(cls, record: Record) -> DeploymentId:
        """Return the identity that a record tells; a ``--name`` is a matter of the path alone."""
        return cls(record.flow, None, record.project, record.branch)

    def owns(self, record: Record) -> bool:
        """Tell whether a record at this deployment's path is one of this deployment."""
        return (self.flow, self.project, self.branch) == (record.flow, record.project, record.branch)

    def __str__(self) -> str:
        return f"{self.flow} of {self.project}/{self.branch}" if self.project else self.flow


def flow_path(folder: str, identity: DeploymentId) -> str:
    """Return the Windmill path of a deployment: ``<folder>/[<project>/<branch>/]<name>``.

    Each part is made valid by itself; a part that had to be changed ends with a hash of what it
    was, so that two deployments never share a path.

    Raises
    ------
    DeployError
        If the folder or the name is none that Windmill takes, or the path is too long.
    """
    parts = [checked_folder(folder)]
    if identity.project and identity.branch:
        parts += [valid_part(identity.project), _branch_part(identity.branch)]
    parts.append(checked_name(identity.name) if identity.name else valid_part(identity.flow))
    path = "/".join(parts)
    if len(path) > _PATH_LIMIT:
        raise DeployError(
            f"the path {path} has {len(path)} characters and Windmill takes {_PATH_LIMIT}; "
            "choose a shorter folder, branch or name"
        )
    return path


def checked_folder(folder: str) -> str:
    """Return the folder without slashes at its end.

    Raises
    ------
    DeployError
        If it is not of the form ``f/<folder>`` or ``u/<user>``, or the library's own.
    """
    plain = folder.strip().rstrip("/")
    if not _FOLDER.fullmatch(plain):
        raise DeployError(
            f"{folder!r} is not a folder of Windmill; write it like f/flows or u/alice, "
            "with letters, digits, '_' and '-' in each part"
        )
    if plain == OWN_FOLDER or plain.startswith(f"{OWN_FOLDER}/"):
        raise DeployError(
            f"{OWN_FOLDER} holds this library's own scripts, and `wmill sync push` deletes what else "
            f"is there; choose another folder, such as {DEFAULT_FOLDER}"
        )
    return plain


def checked_name(name: str) -> str:
    """Return the name if it can be the last part of a path, else raise `DeployError`."""
    if not _PART.fullmatch(name) or len(name) > _PART_LIMIT:
        raise DeployError(
            f"{name!r} cannot be the name of a deployment; use letters, digits, '_' and '-', "
            f"{_PART_LIMIT} of them at most"
        )
    return name


def valid_part(text: str) -> str:
    """Return a part of a path for any text; the same text always gives the same part."""
    return _replaced(text, text)


def _branch_part(branch: str) -> str:
    """Return the part of a branch, whose kind (``user``, ``test`` or ``prod``) ends with a dash there."""
    return _replaced(branch.replace(".", "-", 1), branch)


def _replaced(text: str, original: str) -> str:
    if _PART.fullmatch(text) and len(text) <= _PART_LIMIT:
        return text
    digest = hashlib.sha256(original.encode()).hexdigest()[:8]
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", text)[: _PART_LIMIT - len(digest) - 1].strip("-")
    return f"{plain}-{digest}" if plain else digest


def labels_of(record: Record) -> tuple[str, ...]:
    """Return the labels that a deployed flow carries, to be found by."""
    labels = ["metaflow", f"flow:{record.flow}"]
    if record.project and record.branch:
        labels += [f"project:{record.project}", f"branch:{record.branch}"]
        if record.branch.split(".")[0] == "prod":
            labels.append("production")
    return tuple(labels)


def token_prefix(identity: DeploymentId) -> str:
    """Return what a production token begins with, as Metaflow's own orchestrators make it.

    All flows of a branch of a project share a token, so its prefix comes from these two.
    """
    if identity.project and identity.branch:
        digest = hashlib.sha1(
            f"{identity.project}.{identity.branch}".encode(), usedforsecurity=False
        ).digest()
        return f"mfprj-{base64.b32encode(digest).decode()[:16]}".lower()
    return (identity.name or identity.flow).lower()


def run_id_of(job_id: str) -> str:
    """Return Metaflow's run id of a flow job."""
    return WINDMILL_RUN + job_id


def job_id_of(run: str) -> str:
    """Return the job id of a run, given as a run id, a pathspec or a job id.

    Raises
    ------
    DeployError
        If it is none of these.
    """
    text = run.strip().rpartition("/")[2].removeprefix(WINDMILL_RUN)
    try:
        return str(UUID(text))
    except ValueError:
        raise DeployError(
            f"{run!r} is not a run on Windmill; the id of one looks like "
            f"{WINDMILL_RUN}0198c0de-0000-7000-8000-000000000000"
        ) from None
