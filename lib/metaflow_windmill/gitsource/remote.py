"""A repository on its server: a cheap look at the head of a branch, and a checkout of exactly one commit."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.errors import GitSourceError
from metaflow_windmill.gitsource.access import Credentials, configuration_for
from metaflow_windmill.gitsource.explain import GONE, explained
from metaflow_windmill.gitsource.git import Git, GitFailed, GitLimits, check_version, environment
from metaflow_windmill.gitsource.tree import check_links, check_tree, read_tree
from metaflow_windmill.gitsource.validation import check_ref, is_commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.gitsource.validation import Repository


@dataclass(frozen=True)
class Head:
    """Where a ref stands.

    Parameters
    ----------
    commit : str
        Its full id.
    ref : str
        The full name, such as ``refs/heads/main``; empty where a commit was asked for.
    """

    commit: str
    ref: str = ""

    @property
    def name(self) -> str:
        """Return the ref as people write it, or the commit's id."""
        for prefix in ("refs/heads/", "refs/tags/"):
            if self.ref.startswith(prefix):
                return self.ref[len(prefix) :]
        return self.ref or self.commit


@dataclass(frozen=True)
class Checkout:
    """The files of one commit, and nothing else: no history and no ``.git``.

    Parameters
    ----------
    root : Path
    head : Head
    files : tuple of str
        The regular files, relative to `root`, sorted.
    """

    root: Path
    head: Head
    files: tuple[str, ...]


class Remote:
    """One repository, opened by `connect`."""

    def __init__(self, git: Git, repository: Repository, credentials: Credentials, private: Path) -> None:
        self._git = git
        self._repository = repository
        self._redactor = credentials.redactor()
        self._private = private

    def look_up(self, ref: str = "") -> Head:
        """Return where a branch or tag stands, by one request.

        Parameters
        ----------
        ref : str
            A branch, a tag (a branch of the same name comes first), a full ref, or a full commit
            id, which is taken as it is. Empty for the repository's default branch.

        Raises
        ------
        GitSourceError
            If there is none, or the repository cannot be read.
        """
        if ref and is_commit(check_ref(ref)):
            return Head(ref)
        wanted = _candidates(ref)
        peeled = [f"{name}^{{}}" for name in wanted]
        listing = self._run("ls-remote", "--quiet", "--symref", "--", self._repository.url, *wanted, *peeled)
        found = _listed(listing.decode(errors="replace"))
        for name in wanted:
            commit = found.get(f"{name}^{{}}") or found.get(name)
            if commit is not None and is_commit(commit):
                return Head(commit, found.get("", "") if name == "HEAD" else name)
        raise GitSourceError(_no_such_ref(ref))

    def check_out(self, head: Head, into: Path) -> Checkout:
        """Fetch one commit and write its files into a directory.

        Parameters
        ----------
        head : Head
            From `look_up`.
        into : Path
            A directory that does not exist yet.

        Raises
        ------
        GitSourceError
            If the commit cannot be had, is too large, or holds names or links that leave the tree.
            The directory is then not to be used.
        """
        store = self._private / "repository.git"
        self._run("init", "--quiet", "--bare", "--template=", "--", str(store))
        self._fetch(head, store)
        self._expect(head, store)
        entries = read_tree(
            self._run("ls-tree", "-r", "-l", "-z", "--full-tree", head.commit, directory=store)
        )
        check_tree(entries, self._git.limits)
        into.mkdir(parents=True)
        self._run(
            "--work-tree",
            str(into),
            "checkout",
            "--quiet",
            "--force",
            head.commit,
            "--",
            ".",
            directory=store,
        )
        check_links(entries, into)
        files = tuple(sorted(entry.path for entry in entries if entry.is_file))
        return Checkout(into, head, files)

    def _fetch(self, head: Head, store: Path) -> None:
        """Fetch the commit by its id; where a server allows that for no id, by the ref."""
        try:
            self._fetch_one(head.commit, store)
        except GitFailed as failure:
            if not GONE.search(failure.said):
                raise explained(failure, self._repository, self._redactor) from None
            if not head.ref:
                raise GitSourceError(
                    f"The repository has no commit {head.commit}, or its server hides it."
                ) from None
            self._fetch_ref(head, store)

    def _fetch_ref(self, head: Head, store: Path) -> None:
        try:
            self._fetch_one(head.ref, store)
        except GitFailed as failure:
            raise explained(failure, self._repository, self._redactor) from None

    def _fetch_one(self, what: str, store: Path) -> None:
        words = (
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
        )
        self._git.run(
            *words, "--", self._repository.url, f"{what}:refs/heads/fetched", directory=store, growing=store
        )

    def _expect(self, head: Head, store: Path) -> None:
        """Make sure that what was fetched is the commit that was seen: a head may move meanwhile."""
        got = (
            self._run("rev-parse", "--verify", "refs/heads/fetched^{commit}", directory=store)
            .decode()
            .strip()
        )
        if got != head.commit:
            raise GitSourceError(
                f"{head.name} moved from {head.commit[:12]} to {got[:12]} while it was being read. Run it "
                "again to take the newer commit."
            )

    def _run(self, *arguments: str, directory: Path | None = None) -> bytes:
        try:
            return self._git.run(*arguments, directory=directory or self._private)
        except GitFailed as failure:
            raise explained(failure, self._repository, self._redactor) from None


@contextmanager
def connect(
    repository: Repository,
    credentials: Credentials | None = None,
    limits: GitLimits | None = None,
    *,
    git: str = "git",
) -> Iterator[Remote]:
    """Open a repository: nothing is sent yet, and whatever is written is gone at the end.

    Parameters
    ----------
    repository : Repository
    credentials : Credentials or None
    limits : GitLimits or None
        The time runs from here.
    git : str
        The program.

    Raises
    ------
    GitSourceError
        If the worker's git is missing or too old, or a credential cannot be used.
    """
    credentials, limits = credentials or Credentials(), limits or GitLimits()
    with tempfile.TemporaryDirectory(prefix="gitsource-") as name:
        private = Path(name)
        home = private / "home"
        home.mkdir(mode=0o700)
        configuration, variables = configuration_for(repository, credentials, private)
        everything = {**environment(home, configuration, repository.protocol), **variables}
        runner = Git(everything, limits, time.monotonic() + limits.seconds, git)
        check_version(runner, private)
        yield Remote(runner, repository, credentials, private)


def _candidates(ref: str) -> list[str]:
    if not ref:
        return ["HEAD"]
    return [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]


def _no_such_ref(ref: str) -> str:
    if not ref:
        return "The repository is empty, or has no default branch. Push a commit, or name a branch."
    return f"The repository has no branch or tag '{ref}'. Check its name, or give a whole commit id."


def _listed(listing: str) -> dict[str, str]:
    """Return the commit of each ref in the output of ``git ls-remote``; under no name, HEAD's branch."""
    lines = [line.split("\t", 1) for line in listing.splitlines() if "\t" in line]
    found = {name: said for said, name in lines if not said.startswith("ref: ")}
    branch = next((said for said, name in lines if name == "HEAD" and said.startswith("ref: ")), None)
    return found if branch is None else {**found, "": branch.removeprefix("ref: ")}
