"""How git proves who it is: a token in a header, or an ssh key in a private file. Never in an argument."""

from __future__ import annotations

import base64
import os
import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from metaflow_windmill.errors import GitSourceError
from metaflow_windmill.gitsource.redaction import Redactor

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.gitsource.validation import Login, Repository

DEFAULT_USERNAME = "x-access-token"
"""What GitHub, GitLab, Gitea and Bitbucket take beside a token, each ignoring or allowing it."""


@dataclass(frozen=True)
class Credentials:
    """What proves that a repository may be read; all of it optional.

    Parameters
    ----------
    token, username : str
        For https. Without a token, a login in the URL counts.
    ssh_key : str
        A private key without a passphrase.
    known_hosts : str
        Lines as ``ssh-keyscan`` prints them. Without them the host must be known to the worker.
    ca_certificates : str
        PEM, for a git host whose certificate is signed by an authority of one's own.
    """

    token: str = field(default="", repr=False)
    username: str = ""
    ssh_key: str = field(default="", repr=False)
    known_hosts: str = field(default="", repr=False)
    ca_certificates: str = field(default="", repr=False)

    def with_login(self, login: Login | None) -> Credentials:
        """Return these credentials, completed by a login that stood in the URL."""
        if login is None or self.token:
            return self
        return replace(self, username=login.username, token=login.password)

    def redactor(self) -> Redactor:
        """Return what takes these secrets out of texts."""
        # A login without a password is a token in the place of the user name.
        alone = [] if self.token else [self.username]
        return Redactor([self.token, self.ssh_key, *alone])


def configuration_for(
    repository: Repository, credentials: Credentials, private: Path
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Write what must be a file, and return the rest as git's configuration and environment.

    Parameters
    ----------
    repository : Repository
    credentials : Credentials
    private : Path
        A directory that only this user can enter.

    Returns
    -------
    (list of (str, str), dict of str to str)
        Pairs for git's configuration, and variables of its environment.
    """
    if repository.protocol == "ssh":
        return [], {"GIT_SSH_COMMAND": _ssh_command(credentials, private), "GIT_SSH_VARIANT": "ssh"}
    if repository.protocol != "https":
        return [], {}
    pairs = []
    if credentials.token or credentials.username:
        origin = "/".join(repository.url.split("/")[:3])
        pairs.append((f"http.{origin}/.extraHeader", _basic(credentials)))
    if credentials.ca_certificates:
        authorities = _private_file(private / "authorities.pem", credentials.ca_certificates)
        return pairs, {"GIT_SSL_CAINFO": str(authorities)}
    return pairs, {}


def _basic(credentials: Credentials) -> str:
    username = credentials.username or DEFAULT_USERNAME
    pair = base64.b64encode(f"{username}:{credentials.token}".encode()).decode()
    return f"Authorization: Basic {pair}"


def _ssh_command(credentials: Credentials, private: Path) -> str:
    options = ["BatchMode=yes", "ForwardAgent=no", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes"]
    hosts = _private_file(private / "known_hosts", credentials.known_hosts)
    options.append(f"UserKnownHostsFile={hosts}")
    key = []
    if credentials.ssh_key:
        if "PRIVATE KEY" not in credentials.ssh_key:
            raise GitSourceError(
                "'ssh_key' is not a private key: it must begin with a line '-----BEGIN … PRIVATE KEY-----'."
            )
        key = [
            "-i",
            str(_private_file(private / "key", credentials.ssh_key.strip().replace("\r\n", "\n") + "\n")),
        ]
    flags = [word for option in options for word in ("-o", option)]
    return shlex.join(["ssh", "-F", os.devnull, *flags, *key])


def _private_file(path: Path, text: str) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text if text.endswith("\n") else f"{text}\n")
    return path
