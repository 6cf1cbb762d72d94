from __future__ import annotations

import base64
import os
import shutil
import socket
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.git_repository import GitRepository, new_repository
from tests.support.git_server import GitHost, git_host
from tests.support.server import wait_until

from metaflow_windmill.errors import GitSourceError
from metaflow_windmill.gitsource import Credentials, GitLimits, Head, Repository, connect, parse_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "s3cret/tok+en"


@pytest.fixture
def origin(tmp_path: Path) -> GitRepository:
    return new_repository(tmp_path / "host" / "flows.git", {"a.py": "A = 1\n", "sub/b.py": "B = 1\n"})


@pytest.fixture
def host(tmp_path: Path, origin: GitRepository) -> Iterator[GitHost]:
    with git_host(tmp_path / "host", tmp_path / "tls", token=TOKEN) as served:
        yield served


def local(origin: GitRepository) -> Repository:
    return parse_repository(origin.url, allow_file=True)[0]


def https(host: GitHost, name: str = "flows.git") -> Repository:
    return parse_repository(f"{host.url}/{name}")[0]


def test_the_head_of_a_branch_a_tag_and_the_default_branch(origin: GitRepository) -> None:
    first = origin.git("rev-parse", "main")
    origin.git("tag", "-a", "v1", "-m", "one", "main")
    second = origin.commit({"a.py": "A = 2\n"})
    third = origin.commit({"a.py": "A = 3\n"}, branch="feature/main")
    with connect(local(origin)) as remote:
        assert remote.look_up("main") == Head(second, "refs/heads/main")
        assert remote.look_up("feature/main") == Head(third, "refs/heads/feature/main")
        assert remote.look_up("v1") == Head(first, "refs/tags/v1")
        assert remote.look_up("refs/tags/v1").commit == first
        assert remote.look_up() == Head(second, "refs/heads/main")
        assert remote.look_up(first) == Head(first)
        assert remote.look_up("feature/main").name == "feature/main"


def test_a_ref_that_is_not_there(origin: GitRepository) -> None:
    with connect(local(origin)) as remote:
        with pytest.raises(GitSourceError, match="no branch or tag 'mian'"):
            remote.look_up("mian")
        with pytest.raises(GitSourceError, match="not the name"):
            remote.look_up("--upload-pack=touch x")


def test_an_empty_repository(tmp_path: Path) -> None:
    with (
        connect(local(new_repository(tmp_path / "e.git"))) as remote,
        pytest.raises(GitSourceError, match="empty"),
    ):
        remote.look_up()


def test_a_checkout_is_the_files_of_one_commit_and_nothing_else(
    origin: GitRepository, tmp_path: Path
) -> None:
    origin.commit({"a.py": "A = 2\n"})
    with connect(local(origin)) as remote:
        head = remote.look_up("main")
        got = remote.check_out(head, tmp_path / "out")
    assert got.files == ("a.py", "sub/b.py")
    assert sorted(path.name for path in got.root.iterdir()) == ["a.py", "sub"]
    assert (got.root / "a.py").read_text() == "A = 2\n"
    assert got.head == head


def test_an_older_commit_by_its_id(origin: GitRepository, tmp_path: Path) -> None:
    old = origin.git("rev-parse", "main")
    origin.commit({"a.py": "A = 2\n"})
    with connect(local(origin)) as remote:
        assert (remote.check_out(Head(old), tmp_path / "out").root / "a.py").read_text() == "A = 1\n"
        with pytest.raises(GitSourceError, match="no commit 0000"):
            remote.check_out(Head("0" * 40), tmp_path / "other")


def test_a_token_goes_by_header_and_never_by_argument(host: GitHost, tmp_path: Path) -> None:
    repository, login = parse_repository(
        host.url.replace("//", f"//bot:{TOKEN.replace('/', '%2F')}@") + "/flows.git"
    )
    spy = spying_git(tmp_path)
    with connect(
        repository, Credentials(ca_certificates=host.ca_certificates).with_login(login), git=str(spy)
    ) as remote:
        remote.check_out(remote.look_up("main"), tmp_path / "out")
    assert (tmp_path / "out" / "sub" / "b.py").is_file()
    basic = base64.b64encode(f"bot:{TOKEN}".encode()).decode()
    assert {said for _, said in host.requests} == {f"Basic {basic}"}
    arguments = (tmp_path / "arguments").read_text()
    assert "ls-remote" in arguments
    assert TOKEN not in arguments
    assert basic not in arguments


def test_a_wrong_token_is_named_and_not_shown(host: GitHost) -> None:
    wrong = Credentials(token="wr0ng-token", ca_certificates=host.ca_certificates)
    said = refusal(https(host), wrong)
    assert "'token' that may read" in said
    assert "wr0ng" not in said
    assert base64.b64encode(b"x-access-token:wr0ng-token").decode() not in said


def test_a_host_that_nobody_vouches_for(host: GitHost) -> None:
    assert "ca_certificates" in refusal(https(host), Credentials(token=TOKEN))
    assert host.requests == []


def test_a_redirect_is_not_followed(host: GitHost) -> None:
    host.redirect_to = "https://elsewhere.invalid"
    assert "new address" in refusal(https(host), Credentials(ca_certificates=host.ca_certificates))


def test_a_repository_that_is_not_there(host: GitHost) -> None:
    credentials = Credentials(token=TOKEN, ca_certificates=host.ca_certificates)
    assert "no such repository" in refusal(https(host, "other.git"), credentials)


def test_a_server_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        repository, _ = parse_repository(f"https://127.0.0.1:{silent.getsockname()[1]}/a.git")
        begun = time.monotonic()
        assert "within 0.5 seconds" in refusal(repository, limits=GitLimits(seconds=0.5))
        assert time.monotonic() - begun < 60


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "does not answer" in refusal(parse_repository(f"https://127.0.0.1:{port}/a.git")[0])


def test_an_unknown_host() -> None:
    assert "no host nowhere.invalid" in refusal(parse_repository("https://nowhere.invalid/a.git")[0])


def test_whole_process_groups_end_with_the_time(tmp_path: Path, origin: GitRepository) -> None:
    child = tmp_path / "child"
    lingering = script(tmp_path / "git", f"sleep 600 & echo $! >{child}; wait")

    def begun_within(seconds: float) -> bool:
        assert "seconds" in refusal(local(origin), limits=GitLimits(seconds), git=str(lingering))
        return child.exists() and bool(child.read_text())

    assert any(map(begun_within, (0.5, 5, 50)))  # as soon as the machine has time for it
    wait_until(lambda: ended(int(child.read_text())), 60, "the child lives on")


def test_a_repository_over_the_limit_of_size_is_stopped_on_its_way(
    origin: GitRepository, tmp_path: Path
) -> None:
    noise = base64.b64encode(os.urandom(3_000_000)).decode()
    origin.commit({"data.txt": noise})
    said = refusal(local(origin), limits=GitLimits(megabytes=1), into=tmp_path / "out")
    assert "larger than 1 MB" in said
    assert not (tmp_path / "out").exists()


def test_a_small_pack_that_unpacks_to_too_much(origin: GitRepository, tmp_path: Path) -> None:
    origin.commit({"zeros.txt": "0" * 3_000_000})
    said = refusal(local(origin), limits=GitLimits(megabytes=1), into=tmp_path / "out")
    assert "larger than 1 MB" in said
    assert not (tmp_path / "out").exists()


def test_too_many_files(origin: GitRepository, tmp_path: Path) -> None:
    origin.commit({f"f{index}": "" for index in range(20)})
    with (
        connect(local(origin), limits=GitLimits(files=10)) as remote,
        pytest.raises(GitSourceError, match="limit is 10"),
    ):
        remote.check_out(remote.look_up("main"), tmp_path / "out")


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../outside", "sub/../../outside", "sub/turn/../../../outside"]
)
def test_links_that_leave_the_tree(origin: GitRepository, tmp_path: Path, target: str) -> None:
    blob = f"100644 {origin.blob('x')}"
    origin.commit_entries({"sub/file": blob, "sub/turn": origin.link("."), "bad": origin.link(target)})
    assert "'bad' leads out" in refusal(local(origin), into=tmp_path / "out")


def test_a_chain_of_links_that_looks_harmless_link_by_link(origin: GitRepository, tmp_path: Path) -> None:
    blob = f"100644 {origin.blob('x')}"
    origin.commit_entries(
        {"a/b/c/file": blob, "a/b/c/up": origin.link("../../.."), "a/b/c/out": origin.link("up/../outside")}
    )
    assert "'a/b/c/out' leads out" in refusal(local(origin), into=tmp_path / "out")


def test_links_inside_the_tree_stay(origin: GitRepository, tmp_path: Path) -> None:
    blob = f"100644 {origin.blob('x')}"
    origin.commit_entries({"a/file": blob, "link": origin.link("a/file"), "dangling": origin.link("a/none")})
    with connect(local(origin)) as remote:
        got = remote.check_out(remote.look_up("main"), tmp_path / "out")
    assert (got.root / "link").read_text() == "x"
    assert got.files == ("a/file",)


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", "a\\b", "a\nb"])
def test_names_that_leave_the_tree(origin: GitRepository, tmp_path: Path, name: str) -> None:
    inner = origin.raw_tree(("100644", "evil", origin.blob("x")))
    origin.commit_tree(origin.raw_tree(("40000", name, inner)))
    assert "leaves the checkout" in refusal(local(origin), into=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "evil").exists()


def test_a_name_that_is_not_utf8(origin: GitRepository, tmp_path: Path) -> None:
    body = b"100644 \xff\xfe\0" + bytes.fromhex(origin.blob("x"))
    tree = origin.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=body)
    origin.commit_tree(tree)
    assert "not UTF-8" in refusal(local(origin), into=tmp_path / "out")


def test_submodules_are_not_followed(origin: GitRepository, tmp_path: Path) -> None:
    modules = '[submodule "s"]\n\tpath = s\n\turl = file:///etc\n'
    origin.commit_entries(
        {
            ".gitmodules": f"100644 {origin.blob(modules)}",
            "s": f"160000 {origin.git('rev-parse', 'main')}",
            "a.py": f"100644 {origin.blob('A')}",
        }
    )
    with connect(local(origin)) as remote:
        got = remote.check_out(remote.look_up("main"), tmp_path / "out")
    assert got.files == (".gitmodules", "a.py")
    assert list((got.root / "s").iterdir()) == []


def test_no_hook_no_filter_and_no_configuration_of_the_machine_is_used(
    origin: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        script(hooks / name, f"touch {tmp_path}/ran-{name}")
    (home / ".gitconfig").write_text(
        f"[core]\nhooksPath = {hooks}\n[init]\ntemplateDir = {home}\n"
        f'[filter "lfs"]\nsmudge = touch {tmp_path}/ran-smudge; cat\nrequired = true\n'
        f'[url "file:///nowhere"]\ninsteadOf = file://\n'
    )
    for name, value in {"HOME": home, "GIT_CONFIG_GLOBAL": home / ".gitconfig", "GIT_DIR": tmp_path}.items():
        monkeypatch.setenv(name, str(value))
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    origin.commit({".gitattributes": "*.bin filter=lfs\n", "data.bin": pointer})
    with connect(local(origin)) as remote:
        got = remote.check_out(remote.look_up("main"), tmp_path / "out")
    assert (got.root / "data.bin").read_text() == pointer
    assert list(tmp_path.glob("ran-*")) == []


def test_a_head_that_moves_meanwhile_is_still_the_commit_that_was_seen(
    origin: GitRepository, tmp_path: Path
) -> None:
    with connect(local(origin)) as remote:
        head = remote.look_up("main")
        origin.commit({"a.py": "A = 2\n"})
        assert (remote.check_out(head, tmp_path / "out").root / "a.py").read_text() == "A = 1\n"


def test_a_head_that_moves_on_a_server_that_gives_out_heads_only(
    origin: GitRepository, tmp_path: Path
) -> None:
    old = origin.git("rev-parse", "main")
    new = origin.commit({"a.py": "A = 2\n"})
    refusing = script(
        tmp_path / "git",
        f'case "$*" in *fetch*{old}*) echo "fatal: not our ref {old}" >&2; exit 128;; esac; '
        f'exec {shutil.which("git")} "$@"',
    )
    with connect(local(origin), git=str(refusing)) as remote:
        with pytest.raises(GitSourceError, match=f"moved from {old[:12]} to {new[:12]}.*Run it again"):
            remote.check_out(Head(old, "refs/heads/main"), tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_git_that_is_missing_or_too_old(origin: GitRepository, tmp_path: Path) -> None:
    assert "no git on this worker" in refusal(local(origin), git="no-such-git")
    old = script(tmp_path / "git", "echo git version 2.30.2")
    assert "too old" in refusal(local(origin), git=str(old))


def test_nothing_is_left_behind(host: GitHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    credentials = Credentials(token=TOKEN, ca_certificates=host.ca_certificates)
    with connect(parse_repository(f"{host.url}/flows.git")[0], credentials) as remote:
        remote.check_out(remote.look_up("main"), tmp_path / "out")
        assert {stat.S_IMODE(path.stat().st_mode) for path in scratch.iterdir()} == {0o700}
    assert list(scratch.iterdir()) == []


def refusal(
    repository: Repository,
    credentials: Credentials | None = None,
    limits: GitLimits | None = None,
    *,
    into: Path | None = None,
    git: str = "git",
) -> str:
    """Return the sentence with which the head of main, or its checkout, is refused."""
    with pytest.raises(GitSourceError) as refused:
        _read(repository, credentials, limits, into, git)
    return str(refused.value)


def _read(
    repository: Repository,
    credentials: Credentials | None,
    limits: GitLimits | None,
    into: Path | None,
    git: str,
) -> None:
    with connect(repository, credentials, limits, git=git) as remote:
        head = remote.look_up("main")
        if into is not None:
            remote.check_out(head, into)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def spying_git(directory: Path) -> Path:
    """Return a git that writes down its arguments and then does its work."""
    return script(directory / "git", f'echo "$*" >>{directory}/arguments; exec {shutil.which("git")} "$@"')


def ended(pid: int) -> bool:
    """Tell whether a process is gone, or a zombie that nobody collects."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
