"""What a workspace says of one repository: a resource, checked field by field before anything is read or run.

Two types of resource are taken. Windmill's own ``git_repository`` says where the repository is;
``metaflow_repo`` also says what is deployed from it and how, and is the one configuration that
a click, a push and a schedule share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from metaflow_windmill.contract.record import LONGEST_TIMEOUT
from metaflow_windmill.contract.worker_options import MOST_LOST, MOST_PACKED
from metaflow_windmill.deployment.described.names import DEFAULT_FOLDER, checked_folder
from metaflow_windmill.deployment.described.secret_references import read_secrets
from metaflow_windmill.errors import DeployError, GitSourceError
from metaflow_windmill.gitsource import (
    Credentials,
    GitLimits,
    Redactor,
    Repository,
    check_path,
    check_ref,
    parse_repository,
)
from metaflow_windmill.workspace.compiling.notifying import channels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from metaflow_windmill.types import Json

DEFAULT_PATTERNS = ("**/*.py",)

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")
_BRANCH = re.compile(r"[A-Za-z0-9_]+([.-][A-Za-z0-9_]+)*")
_CONTAINER = re.compile(r"[a-z0-9][a-z0-9-]{2,62}(/[^/\s]+)*")  # as Azure names containers
_STORE = re.compile(r"[a-z0-9_-]*")
_WORKER_TAG = re.compile(r"[A-Za-z0-9_$:{}\[\]().-]*")


@dataclass(frozen=True)
class Configuration:
    """How one repository is read and what becomes of the flows in it.

    Parameters
    ----------
    url : str
        https or ssh.
    branch : str
        The branch (or tag) that is deployed; empty for the repository's default branch.
    token, username, ssh_key, known_hosts, ca_certificates : str
        See `metaflow_windmill.gitsource.Credentials`.
    webhook_secret : str
        What the git host signs its pushes with, or sends as its token.
    subfolder : str
        The part of the repository that is looked at.
    flows : tuple of str
        Patterns of flow files below `subfolder`; ``**`` stands for any number of folders.
    folder : str
        The Windmill folder that flows are deployed to.
    owner : str
        The Metaflow user that the deployments belong to; empty for the user who runs the job.
    project_branch : str
        Metaflow's ``--branch`` for flows with ``@project``.
    production : bool
        Metaflow's ``--production``.
    tags : tuple of str
        Metaflow's ``--tag``, for every run.
    worker_tag : str
        The Windmill workers that run the flows' steps; empty for the default ones.
    allowed_tags : tuple of str
        Workers that a step may choose for itself; other choices are refused.
    datastore, datastore_root, metadata, metadata_url : str
        Metaflow's, for the deployed flows; empty for those of the job's own environment.
    max_workers : int
        Metaflow's ``--max-workers``; 0 for no limit.
    pack : int
        How many items of a foreach one job runs, as ``--pack`` of ``create``; 0 for one task a job.
    memo : bool
        Whether tasks that changed in nothing since an earlier success are cloned: ``--memo`` of ``create``.
    retry_lost : int
        How often a task is run again because its worker was lost, as ``--retry-lost`` of ``create``; -1 for
        as often as Windmill itself does.
    secrets : tuple of str
        Environment variables of the flows' tasks whose values are Windmill's, as ``NAME=f/folder/variable``
        or ``NAME=f/folder/resource#field``.
    workflow_timeout : int
        Metaflow's ``--workflow-timeout``, in seconds; 0 for no limit.
    notify : tuple of str
        Who is told of the end of a run, as ``slack=f/folder/variable``, ``webhook=...``, ``pager_duty=...``.
    notify_on_error, notify_on_success : bool
        Of which ends.
    prune : bool
        Whether flows that an earlier run deployed and that are gone from the repository are deleted.
    repository_megabytes, compile_seconds, compile_megabytes : int
        Limits of the checkout, and of each flow's compilation in time and memory.
    """

    url: str = field(repr=False)
    branch: str = ""
    token: str = field(default="", repr=False)
    username: str = ""
    ssh_key: str = field(default="", repr=False)
    known_hosts: str = field(default="", repr=False)
    ca_certificates: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    subfolder: str = ""
    flows: tuple[str, ...] = DEFAULT_PATTERNS
    folder: str = DEFAULT_FOLDER
    owner: str = ""
    project_branch: str = ""
    production: bool = False
    tags: tuple[str, ...] = ()
    worker_tag: str = ""
    allowed_tags: tuple[str, ...] = ()
    datastore: str = ""
    datastore_root: str = ""
    metadata: str = ""
    metadata_url: str = ""
    max_workers: int = 0
    pack: int = 0
    memo: bool = False
    retry_lost: int = -1
    secrets: tuple[str, ...] = ()
    workflow_timeout: int = 0
    notify: tuple[str, ...] = ()
    notify_on_error: bool = False
    notify_on_success: bool = False
    prune: bool = False
    repository_megabytes: int = 500
    compile_seconds: int = 300
    compile_megabytes: int = 4096

    def source(self, *, allow_file: bool = False) -> RepositorySource:
        """Return the repository and what opens it."""
        repository, login = parse_repository(self.url, allow_file=allow_file)
        own = Credentials(self.token, self.username, self.ssh_key, self.known_hosts, self.ca_certificates)
        return RepositorySource(
            repository, own.with_login(login), GitLimits(megabytes=self.repository_megabytes)
        )

    def redactor(self) -> Redactor:
        """Return what takes this configuration's secrets out of texts."""
        try:
            credentials = self.source(allow_file=True).credentials
        except GitSourceError:
            credentials = Credentials(self.token)
        alone = "" if credentials.token else credentials.username
        return Redactor([self.token, credentials.token, alone, self.ssh_key, self.webhook_secret])


@dataclass(frozen=True)
class RepositorySource:
    """A repository that may be opened."""

    repository: Repository
    credentials: Credentials
    limits: GitLimits


def read_git_repository(value: Json) -> Configuration:
    """Read a ``git_repository`` resource: ``url``, ``branch``, and ``folder``, a part of the repository.

    Raises
    ------
    DeployError
        Naming the field that cannot be used.
    """
    _expect_object(value, "git_repository")
    if value.get("is_github_app"):
        raise DeployError(
            "The repository is to be read by a GitHub App, which only Windmill's own git sync can use. "
            "Give a resource with a token or a deploy key."
        )
    known = {"url", "branch", "token", "username", "ssh_key", "known_hosts", "ca_certificates"}
    plain = {name: value[name] for name in known if name in value}
    _refuse_what_is_ours(value, known)
    return read_configuration({**plain, "subfolder": value.get("folder") or ""}, "git_repository")


def _refuse_what_is_ours(value: Json, known: Collection[str]) -> None:
    """Refuse the fields of a ``metaflow_repo``, which mean nothing here; others are Windmill's affair."""
    ours = {item.name: item.default for item in fields(Configuration) if item.name not in {*known, "folder"}}
    said = {name: item for name, item in value.items() if item not in (None, "", [])}  # 0 says something
    misplaced = [name for name, item in said.items() if name in ours and item != ours[name]]
    if misplaced:
        raise DeployError(
            f"The git_repository resource has {', '.join(map(repr, misplaced))}, which only a metaflow_repo "
            "has. Give it as `configuration` instead of as `repo`; a part of the repository is its 'folder'."
        )


def read_configuration(value: Json, kind: str = "metaflow_repo") -> Configuration:
    """Read a ``metaflow_repo`` resource. What it says nothing of, or null, has its default.

    Raises
    ------
    DeployError
        Naming the field that is unknown, missing or cannot be used.
    """
    _expect_object(value, kind)
    known = {item.name: item for item in fields(Configuration)}
    for name in value:
        if name not in known:
            raise DeployError(
                f"The {kind} resource has an unknown field {name!r}. It knows {', '.join(known)}."
            )
    if not value.get("url"):
        raise DeployError(f"The {kind} resource has no 'url'. Give the repository's https or ssh address.")
    given = {name: _typed(kind, name, item) for name, item in value.items() if item is not None}
    return checked(Configuration(**given), kind)


def changed(configuration: Configuration, changes: Mapping[str, Json]) -> Configuration:
    """Return the configuration with what a caller said over it; None and empty say nothing.

    Raises
    ------
    DeployError
        Naming the field that cannot be used.
    """
    said = {name: value for name, value in changes.items() if value not in (None, "", [], ())}
    typed = {name: _typed("call", name, value) for name, value in said.items()}
    return checked(replace(configuration, **typed), "call")


def checked(configuration: Configuration, kind: str) -> Configuration:
    """Return the configuration, made of valid fields only.

    Raises
    ------
    DeployError
        Naming the first field that is not.
    """
    plain: dict[str, Any] = {}
    for name, check in _CHECKS.items():
        try:
            plain[name] = check(getattr(configuration, name))
        except (DeployError, GitSourceError, ValueError) as why:  # noqa: PERF203 - each field has its own words
            raise DeployError(f"The field '{name}' of the {kind} cannot be used. {why}") from None
    return replace(configuration, **plain)


def _expect_object(value: Json, kind: str) -> None:
    if not isinstance(value, dict):
        raise DeployError(f"There is no {kind} resource here. Choose one in the form, or give its path.")


def _typed(kind: str, name: str, value: Json) -> Json:
    default = next(item for item in fields(Configuration) if item.name == name).default
    wanted = type(default) if isinstance(default, (bool, int, tuple)) else str
    if wanted is tuple and isinstance(value, str):  # one of a list, or a line each
        value = value.splitlines()
    if wanted is tuple and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(item.strip() for item in value if item.strip())
    if type(value) is not wanted:
        words = {bool: "true or false", int: "a whole number", tuple: "a list of texts", str: "a text"}
        raise DeployError(f"The field '{name}' of the {kind} must be {words[wanted]}.")
    return value.strip() if isinstance(value, str) and name not in {"ssh_key", "webhook_secret"} else value


def _matching(pattern: re.Pattern[str], advice: str, *, empty: bool = True) -> Callable[[str], str]:
    def check(text: str) -> str:
        if (text or not empty) and not pattern.fullmatch(text):
            raise ValueError(f"{text[:60]!r} is not {advice}.")
        return text

    return check


def _between(low: int, high: int) -> Callable[[int], int]:
    def check(number: int) -> int:
        if not low <= number <= high:
            raise ValueError(f"It must be from {low} to {high}.")
        return number

    return check


def _url(url: str) -> str:
    parse_repository(url, allow_file=True)  # whether files are allowed is for the worker to say
    return url


def _root(root: str) -> str:
    known = root == "" or root.startswith("/") or "://" in root or _CONTAINER.fullmatch(root)
    if ".." in root.split("/") or not known:
        raise ValueError(
            "Give an absolute path, an address such as s3://bucket/prefix, or, for azure, container/prefix."
        )
    return root


def _metaflow_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    for tag in tags:
        if len(tag) > 500 or not tag.isprintable():  # noqa: PLR2004 - Metaflow's own limit
            raise ValueError(f"The tag {tag[:60]!r} is too long or has control characters.")
    return tags


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "url": _url,
    "branch": lambda branch: check_ref(branch) if branch else "",
    "subfolder": lambda path: check_path(path, "folder"),
    "flows": lambda patterns: tuple(check_path(item, "pattern") for item in patterns) or DEFAULT_PATTERNS,
    "folder": lambda folder: checked_folder(folder or DEFAULT_FOLDER),
    "owner": _matching(_WORD, "a user name"),
    "project_branch": _matching(_BRANCH, "a branch name of letters, digits, '_', '-' and '.'"),
    "tags": _metaflow_tags,
    "worker_tag": _matching(_WORKER_TAG, "a worker tag"),
    "allowed_tags": lambda tags: tuple(map(_matching(_WORKER_TAG, "a worker tag"), tags)),
    "datastore": _matching(_STORE, "a datastore of Metaflow, such as local or s3"),
    "datastore_root": _root,
    "metadata": _matching(_STORE, "a metadata provider of Metaflow, such as local or service"),
    "max_workers": _between(0, 10_000),
    "pack": _between(0, MOST_PACKED),
    "retry_lost": _between(-1, MOST_LOST),
    "secrets": lambda secrets: secrets if read_secrets(secrets) else (),
    "workflow_timeout": _between(0, LONGEST_TIMEOUT),
    "notify": lambda notify: notify if channels_of(notify) else (),
    "repository_megabytes": _between(1, 100_000),
    "compile_seconds": _between(1, 86_400),
    "compile_megabytes": _between(256, 1_000_000),
}
