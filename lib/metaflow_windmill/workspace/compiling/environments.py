"""One Python environment for each set of requirements, made by uv once and kept for later runs.

An environment holds what the repository asks for. What it does not ask for, Metaflow and this
library above all, it finds in the environment of the job, which comes after its own packages.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.errors import DeployError
from metaflow_windmill.process.confined import Confinement, run_confined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.workspace.compiling.repository_requirements import Requirements

CACHE = "METAFLOW_WINDMILL_CACHE"
UNUSED_AFTER = 30 * 24 * 3600  # seconds
INSTALL = Confinement(seconds=900, megabytes=8192, output=16 * 1024 * 1024)

_INDEX_SETTINGS = (
    "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE",
    "UV_SYSTEM_CERTS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
_UV_CONFIG = Path("/etc/uv/uv.toml")
"""The worker's own settings; what lies in folders that a repository's code may write does not count."""
_OWN_PATHS = "metaflow_windmill_job.pth"
_PINS, _READY = "pins.txt", "ready"


@dataclass(frozen=True)
class Environment:
    """A Python to compile flows with.

    Parameters
    ----------
    python : Path
    search : tuple of str
        More folders with modules, for PYTHONPATH.
    pins : tuple of str
        What the repository's requirements came to; the job's own packages are not among them.
    installed : bool
        Whether it was made just now.
    """

    python: Path
    search: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    installed: bool = False


def own_environment() -> Environment:
    """Return the job's own Python with all that the job can import.

    Windmill gives a job its packages by PYTHONPATH, so that a child has to be told of them.
    """
    return Environment(Path(sys.executable), _own_folders())


def environment_for(requirements: Requirements, cache: Path | None = None) -> Environment:
    """Return an environment with these requirements, from the cache or newly made.

    Raises
    ------
    DeployError
        If it cannot be made, with what the installer said.
    """
    _check_python(requirements)
    if not requirements.lines:
        return own_environment()
    root = cache or cache_folder()
    place = root / requirements.digest(sys.version, *_own_folders())
    with _locked(root, place.name):
        os.utime(root)  # tells those who clear the cache up that it is in use
        if (place / _READY).is_file():
            os.utime(place / _READY)
            return Environment(_python_in(place), pins=_pins_in(place))
        remove_unused(root)
        shutil.rmtree(place, ignore_errors=True)
        try:
            _make(place, requirements)
        except DeployError:
            shutil.rmtree(place, ignore_errors=True)
            raise
    return Environment(_python_in(place), pins=_pins_in(place), installed=True)


def cache_folder() -> Path:
    """Return where environments are kept: beside the code packages of tasks, in the cache of this library."""
    own = Path(tempfile.gettempdir()) / f"metaflow-windmill-{os.getuid()}"
    return Path(os.environ.get(CACHE) or own) / "environments"


def remove_unused(root: Path) -> None:
    """Remove environments that no run has used for long."""
    for ready in root.glob(f"*/{_READY}"):
        with contextlib.suppress(FileNotFoundError):  # another job has just removed it
            if time.time() - ready.stat().st_mtime > UNUSED_AFTER:
                shutil.rmtree(ready.parent, ignore_errors=True)


@contextlib.contextmanager
def _locked(root: Path, name: str) -> Iterator[None]:
    """Hold the lock of one environment, in a folder that is this user's alone: what is in it is run."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    if root.stat().st_uid != os.getuid() or root.stat().st_mode & 0o022:
        raise DeployError(
            f"{root} belongs to, or can be written by, another user, so nothing in it is trusted. Remove "
            f"it, or set {CACHE} to a folder of the worker's own user."
        )
    with (root / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(place: Path, requirements: Requirements) -> None:
    uv = find_uv()
    place.mkdir(mode=0o700)
    _uv([uv, "venv", "--quiet", "--python", sys.executable, str(place / "venv")], place, requirements)
    wanted = place / "requirements.txt"
    wanted.write_text("".join(f"{line}\n" for line in requirements.lines))
    python = str(_python_in(place))
    _uv([uv, "pip", "install", "--quiet", "--python", python, "-r", str(wanted)], place, requirements)
    (place / _PINS).write_text(_uv([uv, "pip", "freeze", "--python", python], place, requirements))
    packages = next((place / "venv" / "lib").glob("python3.*")) / "site-packages"
    (packages / _OWN_PATHS).write_text("".join(f"{folder}\n" for folder in _own_folders()))
    (place / _READY).touch()


def _uv(command: list[str], place: Path, requirements: Requirements) -> str:
    """Run uv; packages may run code while they are built, so it is confined and sees no token."""
    home = place / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    passed = {name: os.environ[name] for name in _INDEX_SETTINGS if name in os.environ}
    uv_cache = place.parent / "uv"
    environment = {
        **passed,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "UV_CACHE_DIR": str(uv_cache),
        **({"UV_CONFIG_FILE": str(_UV_CONFIG)} if _UV_CONFIG.is_file() else {"UV_NO_CONFIG": "1"}),
        "UV_NO_PROGRESS": "1",
    }
    done = run_confined(command, directory=place, environment=environment, confinement=INSTALL)
    if done.status != 0 or done.stopped:
        said = done.stopped or done.errors.strip()[-2000:]
        raise DeployError(
            f"The requirements of {requirements.source} cannot be installed. {_advice(requirements)} "
            f"The installer said: {said}"
        )
    return done.output.decode(errors="replace")


def _advice(requirements: Requirements) -> str:
    if requirements.imports:
        return (
            "Nothing says which packages have its modules, so that their own names were tried. Name the "
            "packages in a requirements.txt beside the flow."
        )
    return "Correct them and push again."


def _check_python(requirements: Requirements) -> None:
    """Refuse another version of Python than the job's: its compiled packages would not load there."""
    from metaflow._vendor.packaging.specifiers import InvalidSpecifier, SpecifierSet

    own = ".".join(map(str, sys.version_info[:3]))
    try:
        fits = SpecifierSet(requirements.python).contains(own)
    except InvalidSpecifier:
        raise DeployError(
            f"{requirements.source} has 'requires-python = {requirements.python!r}', not a version."
        ) from None
    if not fits:
        raise DeployError(
            f"{requirements.source} asks for Python {requirements.python}, and this job runs {own}. Let it "
            "allow this version, or choose another by a line '# py: ==3.x' at the top of the script."
        )


def _pins_in(place: Path) -> tuple[str, ...]:
    """Return what the repository's requirements came to, each with its version."""
    return tuple(line for line in (place / _PINS).read_text().split() if "==" in line)


def _python_in(place: Path) -> Path:
    return place / "venv" / "bin" / "python"


def _own_folders() -> tuple[str, ...]:
    """Return the folders that the job's packages come from, without those of Python itself."""
    paths = sysconfig.get_paths()
    standard = {paths["stdlib"], paths["platstdlib"], str(Path(paths["stdlib"]) / "lib-dynload")}
    folders = (path for path in sys.path if path and Path(path).is_dir())
    kept = (path for path in folders if path not in standard and not _is_job_folder(path))
    return tuple(dict.fromkeys(kept))


def _is_job_folder(path: str) -> bool:
    """Return whether this is the folder of the job's own files, which no flow needs."""
    return Path(path).resolve() == Path.cwd().resolve()


def find_uv() -> str:
    """Return uv: on the path, beside this Python, or where its own installer and Windmill put it.

    Raises
    ------
    DeployError
        If there is none.
    """
    home = Path(os.environ.get("HOME") or "/nonexistent")
    own = (
        Path(sys.executable).parent,
        Path("/usr/local/bin"),
        home / ".local" / "bin",
        home / ".cargo" / "bin",
    )
    places = (os.environ.get("PATH", ""), *map(str, own))
    found = next((uv for place in places if (uv := shutil.which("uv", path=place))), None)
    if found is None:
        raise DeployError(
            "The repository has requirements and this worker has no uv to install them with. Install uv on "
            "the workers, or take the requirements out of the repository."
        )
    return found
