from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaflow_windmill.errors import GitSourceError
from metaflow_windmill.gitsource import Repository, check_path, check_ref, is_commit, parse_repository
from metaflow_windmill.gitsource.validation import Login


@pytest.mark.parametrize(
    ("url", "kept", "protocol", "host"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b.git", "https", "github.com"),
        ("https://git.example.com:8443/a/b", "https://git.example.com:8443/a/b", "https", "git.example.com"),
        ("https://[2001:db8::1]:8443/a/b", "https://[2001:db8::1]:8443/a/b", "https", "2001:db8::1"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git", "ssh", "github.com"),
        ("ssh://git@host:2222/a/b", "ssh://git@host:2222/a/b", "ssh", "host"),
    ],
)
def test_https_and_ssh_addresses_are_taken(url: str, kept: str, protocol: str, host: str) -> None:
    repository, login = parse_repository(url)
    assert (repository.url, repository.protocol, repository.host) == (kept, protocol, host)
    assert login is None


def test_a_login_leaves_the_url() -> None:
    repository, login = parse_repository("https://bot:to%2Fken@host/a/b")
    assert repository == Repository("https://host/a/b", "https", "host")
    assert login == Login("bot", "to/ken")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "empty"),
        ("-oProxyCommand=evil", "starts with '-'"),
        ("--upload-pack=evil", "starts with '-'"),
        ("ext::sh -c evil", "spaces"),
        ("ext::evil", "remote helper"),
        ("fd::7", "remote helper"),
        ("file:///etc", "file://"),
        ("/etc/repository", "not 'a path'"),
        ("../repository", "not 'a path'"),
        ("http://host/a/b", "not 'http'"),
        ("git://host/a/b", "not 'git'"),
        ("https://host/a\nb", "control"),
        ("https://host/a\x00b", "control"),
        ("https://host/a b", "spaces"),
        ("https://host\\@evil/a", "backslash"),
        ("https://-oProxyCommand=evil/a", "host name"),
        ("ssh://-oProxyCommand=evil/a", "host name"),
        ("ssh://-evil@host/a", "user name"),
        ("-evil@host:a", "starts with '-'"),
        ("git@-evil:a/b", "host name"),
        ("git@host:-evil", "'-'"),
        ("ssh://git@host/a/-evil", "'-'"),
        ("ssh://git:word@host/a", "password"),
        ("https://host/../a", "'..'"),
        ("https://host/%2e%2e/a", "'..'"),
        ("https://host/", "empty"),
        ("https:///a/b", "host name"),
        ("https://host/a?b=c", "'?'"),
        ("https://host/a#b", "'#'"),
        ("https://host:port/a", "not a URL"),
        ("https://host/" + "a" * 3000, "characters"),
    ],
)
def test_other_addresses_are_refused(url: str, word: str) -> None:
    with pytest.raises(GitSourceError) as refused:
        parse_repository(url)
    assert word in str(refused.value)


def test_the_error_never_holds_the_address() -> None:
    with pytest.raises(GitSourceError) as refused:
        parse_repository("http://bot:hunter22@host/a")
    assert "hunter22" not in str(refused.value)


def test_file_addresses_need_a_word() -> None:
    repository, _ = parse_repository("file:///srv/a.git", allow_file=True)
    assert repository == Repository("file:///srv/a.git", "file")
    with pytest.raises(GitSourceError, match="ALLOW_FILE_REPOSITORIES"):
        parse_repository("file:///srv/a.git")
    with pytest.raises(GitSourceError, match="three slashes"):
        parse_repository("file://host/a.git", allow_file=True)


@pytest.mark.parametrize("ref", ["main", "feature/x", "v1.0", "refs/heads/main", "a" * 40, "müller"])
def test_refs_are_taken(ref: str) -> None:
    assert check_ref(ref) == ref


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "-x",
        "--upload-pack=evil",
        "a..b",
        "a b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "*",
        "a[",
        "a\\b",
        "@",
        "a@{1}",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
        "a.lock",
        "a.lock/b",
        "a.",
        "a\x00",
        "a\n",
        "a" * 300,
    ],
)
def test_bad_refs_are_refused(ref: str) -> None:
    with pytest.raises(GitSourceError, match="not the name of a branch or tag"):
        check_ref(ref)


@given(st.text(st.sampled_from("ab/.-@{}~^:?*[\\ \x01kcol"), min_size=1, max_size=12))
def test_no_ref_is_taken_that_git_refuses(ref: str) -> None:
    try:
        check_ref(ref)
    except GitSourceError:
        return
    done = subprocess.run(["git", "check-ref-format", "--allow-onelevel", ref], check=False)
    assert done.returncode == 0


def test_only_whole_commit_ids_are_commits() -> None:
    assert is_commit("0" * 40)
    assert is_commit("f" * 64)
    assert not is_commit("0" * 39)
    assert not is_commit("G" * 40)


@pytest.mark.parametrize(
    ("path", "kept"), [("", ""), ("flows", "flows"), ("a/b/", "a/b"), ("**/*.py", "**/*.py")]
)
def test_paths_inside_are_taken(path: str, kept: str) -> None:
    assert check_path(path) == kept


@pytest.mark.parametrize(
    "path",
    [
        "/etc",
        "..",
        "a/../../b",
        "~/a",
        "-a",
        "a\\b",
        "a\x00b",
        "a\n",
        ".git/config",
        "a/.GIT/x",
        "a//b",
        "x" * 2000,
    ],
)
def test_paths_that_leave_are_refused(path: str) -> None:
    with pytest.raises(GitSourceError, match="inside the repository"):
        check_path(path)
