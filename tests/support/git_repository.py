"""Makes git repositories for tests, with nothing of the machine's own configuration."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


@dataclass(frozen=True)
class GitRepository:
    """A repository on disk that tests push to; `path` is bare, as on a git host."""

    path: Path

    def git(self, *arguments: str, given: bytes = b"") -> str:
        return git(*arguments, directory=self.path, given=given)

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def commit(self, files: Mapping[str, str | None], *, branch: str = "main", message: str = "m") -> str:
        """Put files on top of a branch (None takes one away); return the commit."""
        old = self._files(branch)
        new = {path: self._blob(text) for path, text in files.items() if text is not None}
        kept = {path: entry for path, entry in {**old, **new}.items() if files.get(path, "") is not None}
        return self.commit_entries(kept, branch=branch, message=message)

    def commit_entries(self, entries: Mapping[str, str], *, branch: str = "main", message: str = "m") -> str:
        """Commit exactly these paths, each given as ``<mode> <object>``."""
        index = {**_ENVIRONMENT, "GIT_INDEX_FILE": str(self.path / "index-of-tests")}
        (self.path / "index-of-tests").unlink(missing_ok=True)
        lines = "".join(f"{entry}\t{path}\n" for path, entry in entries.items())
        subprocess.run(
            ["git", "update-index", "--add", "--index-info"],
            cwd=self.path, env=index, input=lines.encode(), check=True,
        )  # fmt: skip
        tree = subprocess.run(
            ["git", "write-tree"], cwd=self.path, env=index, capture_output=True, check=True
        ).stdout.decode().strip()  # fmt: skip
        return self.commit_tree(tree, branch=branch, message=message)

    def commit_tree(self, tree: str, *, branch: str = "main", message: str = "m") -> str:
        parent = self._parent(branch)
        commit = self.git("commit-tree", tree, "-m", message, *(["-p", parent] if parent else []))
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def link(self, target: str) -> str:
        """Return the entry of a symbolic link."""
        return f"120000 {self._object(target)}"

    def raw_tree(self, *entries: tuple[str, str, str]) -> str:
        """Write a tree object that git itself would refuse to make: (mode, name, object)."""
        body = b"".join(
            f"{mode} {name}".encode() + b"\0" + bytes.fromhex(item) for mode, name, item in entries
        )
        return self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=body)

    def blob(self, text: str) -> str:
        return self._object(text)

    def _blob(self, text: str) -> str:
        return f"100644 {self._object(text)}"

    def _object(self, text: str) -> str:
        return self.git("hash-object", "-w", "--stdin", given=text.encode())

    def _parent(self, branch: str) -> str:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def _files(self, branch: str) -> dict[str, str]:
        if not self._parent(branch):
            return {}
        lines = self.git("ls-tree", "-r", "--full-tree", f"refs/heads/{branch}").splitlines()
        split = (line.split("\t", 1) for line in lines)
        return {path: f"{about.split()[0]} {about.split()[2]}" for about, path in split}


def git(*arguments: str, directory: Path, given: bytes = b"") -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=_ENVIRONMENT, input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def new_repository(path: Path, files: Mapping[str, str] | None = None) -> GitRepository:
    path.mkdir(parents=True)
    git("init", "--quiet", "--bare", "--initial-branch=main", directory=path)
    repository = GitRepository(path)
    if files:
        repository.commit(files)
    return repository
