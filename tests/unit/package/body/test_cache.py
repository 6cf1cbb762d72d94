"""The script that is in every step: how it finds the code package."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from metaflow_windmill.package.body import cache as cached
from metaflow_windmill.package.body.cache import cache_directory
from metaflow_windmill.package.body.failures import PackageError, SecretError
from metaflow_windmill.package.body.fetch import fetch
from metaflow_windmill.package.body.secrets import GOOGLE_KEY, set_secrets
from metaflow_windmill.package.body.unpack import bytecode
from metaflow_windmill.package.script import step_script
from metaflow_windmill.runtime.child.package_cache import remove, tidy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def archive(files: dict[str, str]) -> bytes:
    """A code package as Metaflow makes it."""
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(text), 1575360000
            tar.addfile(info, io.BytesIO(text.encode()))
    return blob.getvalue()


BLOB = archive({"flow.py": "print()", ".mf_code/metaflow_x/__init__.py": "WORD = 1\n", ".mf_install": "{}"})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a worker, and a job's working directory."""
    monkeypatch.setenv("METAFLOW_WINDMILL_CACHE", str(tmp_path / "cache"))
    job = tmp_path / "job"
    job.mkdir()
    monkeypatch.chdir(job)
    return tmp_path / "cache"


@pytest.fixture
def package(tmp_path: Path) -> dict[str, str]:
    """A package in a local datastore."""
    file = tmp_path / "blob"
    file.write_bytes(BLOB)
    return {"url": str(file), "sha": sha(BLOB)}


def find_package(package: dict[str, str], datastore: str) -> Path:
    return cached.find_package(package, datastore, cache_directory())


def sha(blob: bytes) -> str:
    return hashlib.sha1(blob, usedforsecurity=False).hexdigest()


def in_cache(cache: Path, *packages: dict[str, str]) -> set[str]:
    return {bytecode(cache).name, "files", *(package["sha"] for package in packages)}


def test_a_package_is_unpacked_and_compiled_once(cache: Path, package: dict[str, str]) -> None:
    root = find_package(package, "local")
    assert root == cache / package["sha"]
    assert (root / "flow.py").read_text() == "print()"
    compiled = list(root.rglob("*.pyc"))
    assert [file.parent.parent.name for file in compiled] == ["metaflow_x"]
    os.utime(root, (0, 0))
    Path(package["url"]).unlink()
    assert find_package(package, "local") == root
    assert root.stat().st_mtime > time.time() - 60
    assert {entry.name for entry in cache.iterdir()} == in_cache(cache, package)


def test_packages_share_the_byte_code_of_what_is_the_same_in_them(
    cache: Path, package: dict[str, str], tmp_path: Path
) -> None:
    files = {".mf_code/metaflow_x/__init__.py": "WORD = 1\n", ".mf_code/metaflow_x/more.py": "1 / 0\n"}
    other = tmp_path / "other"
    other.write_bytes(archive(files))
    roots = [
        find_package(one, "local") for one in (package, {"url": str(other), "sha": sha(other.read_bytes())})
    ]
    first, second = (next(root.rglob("__init__*.pyc")) for root in roots)
    assert first.samefile(second)
    told = run_python(roots[1], "import metaflow_x; print(metaflow_x.__file__); import metaflow_x.more")
    assert str(roots[1] / ".mf_code/metaflow_x/__init__.py") in told.stdout
    assert f'File "{roots[1] / ".mf_code/metaflow_x/more.py"}", line 1' in told.stderr


def test_packages_share_what_is_the_same_in_them_and_nobody_may_write_to_it(
    cache: Path, package: dict[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(archive({"flow.py": "another", ".mf_code/metaflow_x/__init__.py": "WORD = 1\n"}))
    roots = [
        find_package(one, "local") for one in (package, {"url": str(other), "sha": sha(other.read_bytes())})
    ]
    first, second = (root / ".mf_code/metaflow_x/__init__.py" for root in roots)
    assert first.samefile(second)
    assert not (roots[0] / "flow.py").samefile(roots[1] / "flow.py")
    for root in roots:
        for place in (root, *root.rglob("*")):
            assert not place.stat().st_mode & 0o222, place


def test_a_package_that_a_job_has_is_removed_by_nobody(cache: Path, package: dict[str, str]) -> None:
    code = "from metaflow_windmill.package.body.cache import *; "
    code += f"find_package({package!r}, 'local', cache_directory()); print(); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout
        job.stdout.readline()
        remove(cache / package["sha"])
        assert (cache / package["sha"] / "flow.py").exists()
        job.communicate("\n")
    remove(cache / package["sha"])
    assert not (cache / package["sha"]).exists()


def test_a_package_that_a_job_unpacks_is_removed_by_nobody(cache: Path, tmp_path: Path) -> None:
    """The package comes through a pipe, so that the job is in the middle of it for as long as is wanted."""
    os.mkfifo(tmp_path / "pipe")
    (job,) = workers_that_find({"url": str(tmp_path / "pipe"), "sha": sha(BLOB)}, 1, at(cache))
    with (tmp_path / "pipe").open("wb") as pipe:
        (unpacking,) = cache.iterdir()
        (cache / "newer").mkdir()
        (cache / "newer" / "file").write_text("too much")
        tidy(cache, 0)
        assert unpacking.exists()
        assert not (cache / "newer").exists()
        pipe.write(BLOB)
    assert job.communicate(timeout=60)[0] == f"{cache / sha(BLOB)}\n"
    assert (cache / sha(BLOB) / "flow.py").exists()
    tidy(cache, 0)
    assert not any(sha(BLOB) in entry.name for entry in cache.iterdir())


def at(cache: Path) -> dict[str, str]:
    return {"METAFLOW_WINDMILL_CACHE": str(cache)}


def run_python(root: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the code of a package."""
    environment = {**os.environ, "PYTHONPATH": str(root / ".mf_code")}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_the_byte_code_names_the_final_place_and_is_used(cache: Path, package: dict[str, str]) -> None:
    root = find_package(package, "local")
    code = "import metaflow_x as x; print(x.WORD, x.__spec__.loader.get_code('metaflow_x').co_filename)"
    env = {"PYTHONPATH": str(root / ".mf_code"), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONVERBOSE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"1 {root}/.mf_code/metaflow_x/__init__.py\n"
    assert f"matches {root}/.mf_code/metaflow_x/__init__.py" in done.stderr


def test_nobody_else_can_write_to_the_cache(cache: Path, package: dict[str, str]) -> None:
    find_package(package, "local")
    assert cache.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_others_can_write_to_is_not_used(
    cache: Path, package: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    root = find_package(package, "local")
    assert root.is_relative_to(Path.cwd())
    assert list(cache.iterdir()) == []
    assert "others can write to it); set METAFLOW_WINDMILL_CACHE" in capsys.readouterr().out


def test_a_cache_that_cannot_be_made_is_not_used(
    cache: Path, package: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    cache.write_text("a file is in the way")
    assert find_package(package, "local").is_relative_to(Path.cwd())
    assert "is not used" in capsys.readouterr().out


def test_without_a_word_the_cache_is_the_users_own(tmp_path: Path, package: dict[str, str]) -> None:
    (worker,) = workers_that_find(package, 1, {"TMPDIR": str(tmp_path)})
    found = Path(worker.communicate(timeout=60)[0].strip())
    assert found.parent == tmp_path / f"metaflow-windmill-{os.getuid()}"


def test_another_content_is_refused_and_leaves_nothing(cache: Path, package: dict[str, str]) -> None:
    Path(package["url"]).write_bytes(archive({"flow.py": "something else"}))
    with pytest.raises(
        PackageError, match=r"is not the code package that was deployed\. Deploy the flow again"
    ) as told:
        find_package(package, "local")
    assert vars(told.value) == {"final": True}
    assert list(cache.iterdir()) == []


def test_a_package_that_is_not_there_is_told(cache: Path, package: dict[str, str]) -> None:
    Path(package["url"]).unlink()
    with pytest.raises(
        PackageError, match=r"cannot be read from .*/blob \(FileNotFoundError.*mount its directory"
    ) as told:
        find_package(package, "local")
    assert vars(told.value) == {"final": True}
    assert list(cache.iterdir()) == []


def test_a_file_that_points_outside_is_refused(cache: Path, tmp_path: Path) -> None:
    blob = archive({"../../outside": "x"})
    (tmp_path / "blob").write_bytes(blob)
    with pytest.raises(Exception, match="outside"):
        find_package({"url": str(tmp_path / "blob"), "sha": sha(blob)}, "local")
    assert not (tmp_path / "outside").exists()
    assert list(cache.rglob("*")) == [cache / "files"]


def test_of_a_name_that_stands_twice_the_last_one_counts_and_nothing_shared_is_written_to(
    cache: Path, tmp_path: Path
) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in (("other.txt", b"first"), ("twice.txt", b"first"), ("twice.txt", b"after")):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    (tmp_path / "blob").write_bytes(made.getvalue())
    root = find_package({"url": str(tmp_path / "blob"), "sha": sha(made.getvalue())}, "local")
    assert (root / "twice.txt").read_text() == "after"
    assert (root / "other.txt").read_text() == "first"
    for file in (cache / "files").iterdir():
        assert file.name == sha(file.read_bytes())


def test_links_and_what_may_be_executed_stay_what_they_are(cache: Path, tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, kind, target, mode in (
            ("first.py", tarfile.SYMTYPE, "tools/run.py", 0o777),  # before what it leads to
            ("tools/run.py", tarfile.REGTYPE, "", 0o755),
            (".mf_code/same.py", tarfile.LNKTYPE, "tools/run.py", 0o755),
            ("tools/data", tarfile.REGTYPE, "", 0o644),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode, info.size = kind, target, mode, 0 if target else 7
            tar.addfile(info, None if target else io.BytesIO(b"x = 1\n#"))
    (tmp_path / "blob").write_bytes(made.getvalue())
    root = find_package({"url": str(tmp_path / "blob"), "sha": sha(made.getvalue())}, "local")
    assert (root / "first.py").readlink() == Path("tools/run.py")
    texts = {
        (root / name).read_text() for name in ("first.py", "tools/run.py", ".mf_code/same.py", "tools/data")
    }
    assert texts == {"x = 1\n#"}
    assert (root / "tools/run.py").stat().st_mode & 0o777 == 0o555
    assert (root / "tools/data").stat().st_mode & 0o777 == 0o444
    assert [file.name.split(".")[0] for file in (root / ".mf_code/__pycache__").iterdir()] == ["same"]


def test_many_workers_may_begin_at_once(cache: Path, package: dict[str, str]) -> None:
    workers = workers_that_find(package, 8, at(cache))
    answers = {worker.communicate(timeout=60)[0] for worker in workers}
    assert answers == {f"{cache / package['sha']}\n"}
    assert [worker.returncode for worker in workers] == [0] * 8
    assert {entry.name for entry in cache.iterdir()} == in_cache(cache, package)


def workers_that_find(
    package: dict[str, str], number: int, env: dict[str, str]
) -> list[subprocess.Popen[str]]:
    """Start processes that look for a package and print where it is."""
    code = "import sys; from metaflow_windmill.package.body.cache import *\n"
    code += "print(find_package({'url': sys.argv[1], 'sha': sys.argv[2]}, 'local', cache_directory()))"
    command = [sys.executable, "-c", code, package["url"], package["sha"]]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) for _ in range(number)]


@pytest.fixture
def bucket() -> Iterator[str]:
    """A server that speaks as much of S3 as a download needs, and holds the package."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(b"")

        def do_GET(self) -> None:
            self.answer(BLOB)

        def answer(self, content: bytes) -> None:
            known = self.path == f"/bucket/metaflow/Flow/data/{sha(BLOB)}"
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(BLOB) if known else 0))
            self.send_header("ETag", '"tag"')
            self.end_headers()
            self.wfile.write(content if known else b"")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def at_s3(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of the worker")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("METAFLOW_S3_ENDPOINT_URL", bucket)
    return lambda key: {"url": f"s3://bucket/metaflow/Flow/data/{key}", "sha": sha(BLOB)}


@pytest.mark.filterwarnings("default")  # of boto3, which is not this project's
def test_a_package_comes_from_s3(cache: Path, at_s3: Callable[[str], dict[str, str]]) -> None:
    assert (find_package(at_s3(sha(BLOB)), "s3") / "flow.py").exists()
    (cache / sha(BLOB)).rename(cache / "another")
    with pytest.raises(PackageError, match=r"cannot be read from s3://bucket/.*404.*credentials") as told:
        find_package(at_s3("missing"), "s3")
    assert vars(told.value) == {"final": True}


def test_a_store_that_cannot_be_asked_may_be_asked_again() -> None:
    with pytest.raises(PackageError, match="cannot be read") as told:
        fetch("/", "local", io.BytesIO())
    assert vars(told.value) == {"final": False}


def test_a_secret_that_is_missing_stays_so() -> None:
    with pytest.raises(SecretError, match="has no field 'key'") as told:
        set_secrets({"KEY": {"resource": {}, "field": "key"}})
    assert vars(told.value) == {"final": True}


def test_a_key_of_google_becomes_a_file_that_only_the_user_reads(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (GOOGLE_KEY, "OTHER", "METAFLOW_WINDMILL_SECRETS"):
        monkeypatch.setenv(name, "")
    set_secrets({GOOGLE_KEY: '{"type": "service_account"}', "OTHER": '{"a": 1}'})
    made = Path(os.environ[GOOGLE_KEY])
    assert made.parent == Path.cwd()
    assert made.read_text() == '{"type": "service_account"}'
    assert made.stat().st_mode & 0o777 == 0o600
    assert os.environ["OTHER"] == '{"a": 1}'
    set_secrets({GOOGLE_KEY: "/mounted/key.json"})
    assert os.environ[GOOGLE_KEY] == "/mounted/key.json"


def test_nothing_in_the_script_makes_windmill_install_something() -> None:
    text = step_script()
    assert text.count("\ndef main(") == 1
    before = text.partition("\ndef main(")[0]
    imported = {
        line.split()[1].partition(".")[0]
        for line in before.splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported <= sys.stdlib_module_names
    for word in (
        "requirements:",
        "# py",
        "# /// script",
        "wmill",
        "from .",
        "import f.",
        "from f.",
        "from u.",
    ):
        assert word not in text
