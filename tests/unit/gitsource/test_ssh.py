"""A repository that is read by ssh: with one key, and nothing of the machine's own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.git_repository import GitRepository, new_repository

from metaflow_windmill.errors import GitSourceError
from metaflow_windmill.gitsource import Credentials, connect, parse_repository

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def origin(tmp_path: Path) -> GitRepository:
    return new_repository(tmp_path / "host" / "flows.git", {"a.py": "A = 1\n"})


def test_ssh_uses_a_private_key_file_and_no_configuration(origin: GitRepository, tmp_path: Path) -> None:
    with fake_ssh(tmp_path) as seen:
        key = "-----BEGIN OPENSSH PRIVATE KEY-----\nQUJD\n-----END OPENSSH PRIVATE KEY-----"
        repository, _ = parse_repository(f"git@example.com:{origin.path}")
        with connect(
            repository, Credentials(ssh_key=key, known_hosts="example.com ssh-ed25519 AAAA")
        ) as remote:
            remote.check_out(remote.look_up("main"), tmp_path / "out")
    arguments = (seen / "arguments").read_text()
    assert "-F /dev/null" in arguments
    assert "StrictHostKeyChecking=yes" in arguments
    assert "BatchMode=yes" in arguments
    assert "QUJD" not in arguments
    assert (seen / "key").read_text() == key + "\n"
    assert (seen / "mode").read_text().strip() == "600"
    where = arguments.split("-i ")[1].split()[0]
    assert not Path(where).exists()


def test_what_ssh_says_becomes_a_sentence(tmp_path: Path) -> None:
    repository, _ = parse_repository("git@example.com:a/b")
    with (
        fake_ssh(tmp_path, says="Host key verification failed."),
        pytest.raises(GitSourceError, match=r"ssh-keyscan example\.com"),
        connect(repository) as remote,
    ):
        remote.look_up("main")


def test_a_key_that_is_none_is_refused_before_anything_is_sent() -> None:
    repository, _ = parse_repository("git@example.com:a/b")
    with (
        pytest.raises(GitSourceError, match="not a private key"),
        connect(repository, Credentials(ssh_key="ssh-rsa AAAA")) as remote,
    ):
        remote.look_up("main")


@contextmanager
def fake_ssh(directory: Path, *, says: str = "") -> Iterator[Path]:
    """Put an ssh on the path that writes down what it is given and runs the command on this machine."""
    programs = directory / "bin"
    programs.mkdir()
    ssh = programs / "ssh"
    ssh.write_text(
        f"""#!/bin/sh
        echo "$*" >>{directory}/arguments
        key=$(echo "$*" | sed -n 's/.*-i \\([^ ]*\\).*/\\1/p')
        if [ -n "$key" ]; then cat $key >{directory}/key; stat -c %a $key >{directory}/mode; fi
        if [ -n "{says}" ]; then echo "{says}" >&2; exit 255; fi
        for last; do :; done
        exec sh -c "$last"
        """,
    )
    ssh.chmod(0o755)
    old = os.environ["PATH"]
    os.environ["PATH"] = f"{programs}{os.pathsep}{old}"
    try:
        yield directory
    finally:
        os.environ["PATH"] = old
