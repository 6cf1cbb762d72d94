"""What a repository's address, a ref and a path inside it may look like: checked before git sees them.

The rules for refs are those of ``git check-ref-format``. Everything that git or ssh could read
as an option, as a remote helper or as a way out of the checkout is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from metaflow_windmill.errors import GitSourceError

Protocol = Literal["https", "ssh", "file"]

MAX_URL = 2048
MAX_REF = 250
MAX_PATH = 1024

_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_CONTROL_BYTES = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SHORT_SSH = re.compile(r"(?P<user>[^@/:]+)@(?P<host>[^@/:]+|\[[^\]]+\]):(?P<path>[^:].*)")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF_BAD = re.compile(r"[~^:?*\[\\]|\.\.|@\{|//")


@dataclass(frozen=True)
class Repository:
    """A repository's address, checked, without any secret.

    Parameters
    ----------
    url : str
        What git is given. Of https it has no user information, of ssh at most a user name.
    protocol : {"https", "ssh", "file"}
    host : str
        Empty for ``file``.
    """

    url: str
    protocol: Protocol
    host: str = ""


@dataclass(frozen=True)
class Login:
    """The user information that stood in an https address: moved from the URL into a header."""

    username: str
    password: str


def parse_repository(url: str, *, allow_file: bool = False) -> tuple[Repository, Login | None]:
    """Check the address of a repository, and take a login out of it.

    Parameters
    ----------
    url : str
        ``https://host/path``, ``ssh://user@host/path`` or ``user@host:path``.
    allow_file : bool
        Whether ``file:///path`` is taken too: it lets whoever names the repository read any
        repository on the worker, so only tests and demos say so.

    Raises
    ------
    GitSourceError
        Naming what is wrong with it. The text never holds the address itself, which may hold a token.
    """
    if not isinstance(url, str) or not url:
        raise GitSourceError("The address of the repository is empty. Give its https or ssh URL.")
    if len(url) > MAX_URL or _CONTROL.search(url) or "\\" in url:
        raise GitSourceError(
            f"The address of the repository has spaces, control characters or backslashes, or over {MAX_URL} "
            "characters. Copy it again from the git host's page."
        )
    if url.startswith("-"):
        raise GitSourceError("The address of the repository starts with '-'. Give its https or ssh URL.")
    if "::" in url.split("/", 1)[0]:
        raise GitSourceError(
            "The address names a remote helper ('…::'), which can run any command. Give an https or ssh URL."
        )
    if short := _SHORT_SSH.fullmatch(url):
        return _ssh(short["user"], short["host"], "/" + short["path"].lstrip("/"), url), None
    return _split(url, allow_file=allow_file)


def _split(url: str, *, allow_file: bool) -> tuple[Repository, Login | None]:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as why:
        raise GitSourceError(
            "The address of the repository is not a URL. Give its https or ssh URL."
        ) from why
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise GitSourceError("The address of the repository has '?' or '#' in it. Give it without them.")
    if parts.scheme == "file":
        return _file(parts.netloc, parts.path, allow_file=allow_file), None
    if parts.scheme == "ssh":
        if parts.password:
            raise GitSourceError(
                "An ssh address cannot hold a password. Give an ssh key in the resource instead."
            )
        return _ssh(parts.username, parts.hostname or "", parts.path, url), None
    if parts.scheme != "https":
        raise GitSourceError(
            f"Repositories are read over https or ssh, not '{parts.scheme or 'a path'}'. Give such a URL."
        )
    _check_host(parts.hostname or "")
    _check_repository_path(parts.path)
    clean = f"https://{_bracketed(parts.hostname or '')}{port}{parts.path}"
    return Repository(clean, "https", parts.hostname or ""), _login(parts.username, parts.password)


def _file(netloc: str, path: str, *, allow_file: bool) -> Repository:
    if not allow_file:
        raise GitSourceError(
            "Repositories on the worker's own disk (file://) are refused. Give an https or ssh URL; "
            "for a test or a demo, set METAFLOW_WINDMILL_ALLOW_FILE_REPOSITORIES=1 for all jobs."
        )
    if netloc:
        raise GitSourceError("A file:// address has no host: write three slashes.")
    _check_repository_path(path)
    return Repository(f"file://{path}", "file")


def _ssh(user: str | None, host: str, path: str, url: str) -> Repository:
    _check_host(host.strip("[]") if host.startswith("[") else host)
    if user is not None and not _USER.fullmatch(user):
        raise GitSourceError(
            "The user name in the ssh address has characters that ssh could take for options."
        )
    _check_repository_path(path)
    return Repository(url, "ssh", host)


def _login(username: str | None, password: str | None) -> Login | None:
    if not username and not password:
        return None
    return Login(unquote(username or ""), unquote(password or ""))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _check_host(host: str) -> None:
    if not _HOST.fullmatch(_bracketed(host)):
        raise GitSourceError(
            "The address of the repository has no valid host name. Give its https or ssh URL."
        )


def _check_repository_path(path: str) -> None:
    names = unquote(path).strip("/").split("/")
    if names == [""] or ".." in names or any(name.startswith("-") for name in names):
        raise GitSourceError(
            "The path in the repository's address is empty, has '..' in it or a name that starts with '-'."
        )
    if _CONTROL.search(unquote(path)):
        raise GitSourceError("The path in the repository's address has spaces or control characters.")


def is_commit(ref: str) -> bool:
    """Return whether this is a full commit id."""
    return _COMMIT.fullmatch(ref) is not None


def check_ref(ref: str) -> str:
    """Check the name of a branch or tag, or a full commit id; return it.

    Raises
    ------
    GitSourceError
        Naming the ref.
    """
    names = ref.split("/")
    bad = (
        not ref
        or len(ref) > MAX_REF
        or ref.startswith("-")
        or ref == "@"
        or ref.endswith(".")
        or _CONTROL.search(ref) is not None
        or _REF_BAD.search(ref) is not None
        or any(not name or name.startswith(".") or name.endswith(".lock") for name in names)
    )
    if bad:
        raise GitSourceError(
            f"{ref[:MAX_REF]!r} is not the name of a branch or tag, nor a commit id of 40 characters. "
            "Give one of these."
        )
    return ref


def check_path(path: str, what: str = "path") -> str:
    """Check a path inside the repository (or a pattern of paths); return it without a final slash.

    Parameters
    ----------
    path : str
        Relative, with forward slashes; empty for the whole repository.
    what : str
        How the message names it.

    Raises
    ------
    GitSourceError
        Where it could lead out of the checkout or into ``.git``.
    """
    names = [name for name in path.split("/") if name != "."]
    inside = path.rstrip("/")
    problem = (
        (len(path) > MAX_PATH and "is too long")
        or (_CONTROL_BYTES.search(path) is not None and "has control characters")
        or (path.startswith(("/", "~", "-")) and "does not start with a plain name")
        or ("\\" in path and "has a backslash")
        or (".." in names and "leaves the repository")
        or (any(name.lower() == ".git" for name in names) and "leads into .git")
        or ("" in inside.split("/") and bool(inside) and "has an empty name in it")
    )
    if problem:
        raise GitSourceError(
            f"The {what} {path[:80]!r} {problem}. Give a path inside the repository, such as 'flows/daily'."
        )
    return inside
