"""One task of a Metaflow flow: Windmill runs this file for every task of every step.

All that a task does is in the code package that was saved when the flow was deployed. This file
finds the package in the worker's cache, or fetches and unpacks it there, and hands over to it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib
import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "WM_TOKEN"  # noqa: S105 (a name)
GONE = {"FileNotFoundError", "NotFound", "ResourceNotFoundError"}
"""How local files, Google and Azure call what is not there."""
NEED_IT = "publish"
"""The key of a job's ``task`` that says that it asks Windmill for more than `asked` does."""
ENDS = "ends"
"""The key of a job's ``task`` that says that its run ends with it."""
DRAINING = "METAFLOW_WINDMILL_DRAINING"
"""Where the file is that appears once this job's worker is to end: for `metaflow_windmill.draining`."""

LOOK_EVERY = 5.0
"""Seconds between two questions whether the worker is to end."""

PAUSES = (1, 2, 4, 8, 15, 30, 60)
"""Seconds between questions to a server that is away."""
REFUSALS = {400, 401, 403, 404}
PER_PAGE, MOST_PAGES = 1000, 20
MOST_LOOKED_INTO = 100
"""Jobs of several tasks that are asked for their results."""
CONTAINERS = {"flow", "flowpreview", "flownode", "singlestepflow"}
TURN = re.compile(r"(/(forloop|loop|branchone|branchall)-\d+)+$")
GROUP_OR_OTHERS_WRITE = 0o022
EXECUTE = 0o111
GOOGLE_KEY = "GOOGLE_APPLICATION_CREDENTIALS"


class PackageError(Exception):
    """The code package cannot be fetched, or is not what was deployed."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final
        """Whether another attempt is of no use: the module's ``retry_if`` reads it."""


class SecretError(Exception):
    """A secret of the flow is not where it was said to be."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.final = True  # of the object, since Windmill looks at nothing else


class UntoldError(Exception):
    """Windmill did not answer what a run has to know."""


def main(
    task: dict[str, Any],
    deployment: dict[str, Any],
    run: str | None = None,
    secrets: dict[str, Any] | None = None,
    **inputs: Any,  # noqa: ANN401 (any JSON)
) -> dict[str, Any]:
    """Run one task and return what Windmill keeps of it.

    What its inputs are is said in the library that the package holds (`contract/inputs.py`).

    The job's token is taken away before anything is run that stands in the worker's cache, where
    other jobs can write. A job that needs the token has code of its own.
    """
    token, alone = take_token(), NEED_IT in task
    told = asked(token, deployment) if run is None else {}
    heard = later(lambda: is_awaited(token, deployment)) if ends(task) else lambda: None
    if ends(task):
        told["history"] = later(lambda: history(token, page_of(task)))
    if task.get("drains"):
        watch_worker(token)
    token = token if alone else ""  # what runs next could find it here
    os.environ.update(deployment.get("variables") or {})
    set_secrets(secrets or {})
    cache = private_directory() if alone else cache_directory()
    new = not (alone or (cache / deployment["package"]["sha"]).is_dir())
    root = find_package(deployment["package"], deployment["datastore"]["type"], cache)
    sys.path.insert(0, str(root / ".mf_code"))
    from metaflow_windmill.runtime.task import run_task

    given = {"deployment": deployment, "run": run, **inputs}
    result = run_task(root, task, token, given, asked=told, new=new)
    awaited = heard()
    return result if awaited is None else {**result, "awaited": awaited}


def ends(task: dict[str, Any]) -> bool:
    """Tell whether a run ends with this job: with its task, or with the last of several."""
    return bool(last_step(task).get(ENDS))


def page_of(task: dict[str, Any]) -> dict[str, Any]:
    """Return what the flow says of the page of its runs."""
    return last_step(task).get("page") or {}


def last_step(task: dict[str, Any]) -> dict[str, Any]:
    """Return the task of a job, or the last of several."""
    steps: list[dict[str, Any]] = task.get("pack", {}).get("steps") or [task]
    return steps[-1]


# The token


def take_token() -> str:
    """Return the job's token, or nothing, and leave no trace of it that user code could find.

    Removing it from ``os.environ`` is not enough: the memory that a process was started with stays
    readable, as ``/proc/<pid>/environ``, to every process of the same user.
    """
    token = os.environ.get(TOKEN, "")
    with contextlib.suppress(AttributeError, OSError, ValueError):
        overwrite_current()
        overwrite_initial()
    os.environ.pop(TOKEN, None)
    if sys.platform == "linux":
        give_up_looking(ctypes.CDLL(None))
    return token


def overwrite_current() -> None:
    """Overwrite the value where C's `getenv` finds it now."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    address = getenv(TOKEN.encode())
    if address:
        ctypes.memset(address, 0, len(ctypes.string_at(address)))


def overwrite_initial() -> None:
    """Overwrite the value in the block that the process was started with, which `putenv` never changes."""
    stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    fields = stat.rpartition(")")[2].split()  # the name of the program may hold blanks
    start, end = (int(fields[index - 2]) for index in (49, 50))  # env_start, env_end of proc(5), from 0
    block, name = ctypes.string_at(start, end - start), f"{TOKEN}=".encode()
    at = 0 if block.startswith(name) else block.find(b"\0" + name) + 1
    if block.startswith(name, at):
        value = at + len(name)
        stop = block.find(b"\0", value)
        ctypes.memset(start + value, 0, (stop if stop >= 0 else len(block)) - value)


def give_up_looking(libc: ctypes.CDLL) -> None:
    """Shut this process to others of its user, and lose, for good, the right to look into them.

    In a container that root has for itself each process may look into each other's memory and
    environment. Windmill's worker starts a job below a process (``tini``) whose environment holds
    the token; without these capabilities it is closed to this process and to all it begins.
    """
    # linux/prctl.h and linux/capability.h
    set_dumpable, drop_bounding, version_3, sets = 4, 24, 0x20080522, 3
    libc.prctl(set_dumpable, 0, 0, 0, 0)
    header, held = (ctypes.c_uint32 * 2)(version_3, 0), (ctypes.c_uint32 * (2 * sets))()
    known = libc.capget(header, held) == 0
    for capability in looking():
        libc.prctl(drop_bounding, capability, 0, 0, 0)
        for index in range(sets):
            held[capability // 32 * sets + index] &= ~(1 << capability % 32)
    if known:
        libc.capset(header, held)


def looking() -> tuple[int, ...]:
    """Return the capabilities by which memory is read: since Linux 6.13 whoever may measure may read it too.

    To measure takes a capability of its own, or that of an administrator, outside of user namespaces.
    """
    trace, administer, measure = 19, 21, 38  # CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_PERFMON
    with contextlib.suppress(OSError):
        if Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", str(2**32 - 1)]:
            return (trace, measure, administer)
    return (trace, measure)


def asked(token: str, deployment: dict[str, Any]) -> dict[str, Any]:
    """Ask Windmill what it does not tell the first job of a run: when the run began, and when it was due."""
    named = os.environ.get
    outer = named("WM_ROOT_FLOW_JOB_ID") or named("WM_FLOW_JOB_ID")
    wanted = {}
    if deployment.get("workflow_timeout"):
        wanted["began"] = (outer, "started_at")
    if named("WM_SCHEDULE_PATH"):
        wanted["due"] = (named("WM_ROOT_JOB_ID") or outer, "scheduled_for")
    if not (wanted and workspace()):
        return {}
    found: dict[str, Any] | None = later(
        lambda: {key: field_of_job(str(job), token, field) for key, (job, field) in wanted.items()}
    )()
    if found is None:
        raise UntoldError("This job's question to Windmill ended without an answer; run the flow again.")
    return found


def history(token: str, page: dict[str, Any]) -> dict[str, Any] | None:
    """Ask what became of the steps before the last one, for the run's page; None if Windmill does not tell.

    Returns when the run began, whether the workspace shows cards, and of each module the number of its
    jobs that ended well and that did not, with their milliseconds in all and at most. Where jobs have several
    tasks each, the same of each step, whose name then ends in a slash; ``closed`` is the number of such jobs
    that were not looked into. ``whole`` is whether all jobs were listed.
    """
    named = os.environ.get
    run = named("WM_ROOT_FLOW_JOB_ID") or named("WM_FLOW_JOB_ID")
    path = TURN.sub("", named("WM_FLOW_PATH") or "")
    parts, jobs = {run}, list[tuple[str, dict[str, Any]]]()
    from http.client import HTTPException

    try:
        job = answer(f"jobs_u/get/{run}?no_logs=true&no_code=true", token)
        shows = page.get("cards") and answer("scripts/exists/p/f/metaflow/show_card", token)
        asked_for = {"script_path_start": f"{path}/", "created_after": job["created_at"]}
        for number in range(1, MOST_PAGES + 1):
            query = urlencode({**asked_for, "order_desc": "false", "per_page": PER_PAGE, "page": number})
            listed = answer(f"jobs/completed/list?{query}", token)
            jobs += [(module, item) for item in listed if (module := module_of(item, parts))]
            if len(listed) < PER_PAGE:
                break
        whole = len(listed) < PER_PAGE
        counts, closed = counted(jobs, token if page.get("packs") else "")
    except (OSError, ValueError, KeyError, TypeError, HTTPException) as why:
        print(f"Windmill does not tell of the steps before this one: {why}", file=sys.stderr, flush=True)
        return None
    began = job.get("started_at") or job["created_at"]
    return {"since": began, "cards": bool(shows), "jobs": counts, "closed": closed, "whole": whole}


def module_of(job: dict[str, Any], parts: set[Any]) -> str:
    """Return the module of a job of the run; take in a part of it, which is listed before its jobs."""
    if job.get("parent_job") not in parts:
        return ""
    if job["job_kind"] in CONTAINERS:
        parts.add(job["id"])
        return ""
    return "" if job.get("is_skipped") else TURN.sub("", job.get("script_path") or "").rpartition("/")[2]


def counted(jobs: list[tuple[str, dict[str, Any]]], token: str) -> tuple[dict[str, list[int]], int]:
    """Count jobs by module or, given a token, the tasks of those that have several, by step.

    A module is one of the two kinds: one job that ended well tells which.
    """
    found, kinds, left, closed = dict[str, list[int]](), dict[str, bool](), MOST_LOOKED_INTO, 0
    for module, job in jobs:
        rows = None
        if token and left and kinds.get(module) is not False:
            left, rows = left - 1, tasks_in(answer(f"jobs_u/completed/get_result/{job['id']}", token))
        if job.get("success") or rows is not None:
            kinds.setdefault(module, rows is not None)
        if rows is None:
            closed += bool(kinds.get(module) and job.get("success"))
            add(found, module, job.get("success"), int(job.get("duration_ms") or 0))
        for row in rows or ():
            if row.get("state") != "done before":
                milliseconds = round(1000 * (row.get("seconds") or 0))
                add(found, row["task"].partition("/")[0] + "/", row.get("state") != "failed", milliseconds)
    return found, closed


def tasks_in(result: Any) -> list[dict[str, Any]] | None:  # noqa: ANN401 - JSON
    """Return what a job's result, or its error, says of its tasks; None for a job of one task."""
    said = result if isinstance(result, dict) else {}
    error = said.get("error")
    told = ((error.get("extra") or {}) if isinstance(error, dict) else said).get("tasks")
    return told if isinstance(told, list) else None


def add(found: dict[str, list[int]], name: str, well: object, took: int) -> None:
    """Count one more, with its milliseconds."""
    counts = found.setdefault(name, [0, 0, 0, 0])
    counts[0 if well else 1] += 1
    counts[2:] = [counts[2] + took, max(counts[3], took)]


def is_awaited(token: str, deployment: dict[str, Any]) -> bool | None:
    """Tell whether a flow waits for the end of this one's runs; None where Windmill does not say.

    Whoever is deployed later is not waiting for this run. A server that does not know the filter by a
    resource's value tells of those that wait for anything, which is more and never less.
    """
    names = ("metaflow", deployment.get("project"), deployment.get("branch"), deployment["flow"], "end")
    event = {"events": [{"name": ".".join(filter(None, names))}]}
    wanted = {"resource_type": "metaflow_subscription", "value": json.dumps(event), "per_page": 1}
    from http.client import HTTPException

    try:
        return bool(answer(f"resources/list?{urlencode(wanted)}", token))
    except (OSError, ValueError, HTTPException) as why:
        print(f"Windmill does not tell who waits for the end of this run: {why}", file=sys.stderr, flush=True)
        return None


def workspace() -> str:
    """Return the address of the workspace's API, or nothing where this is no job of a server."""
    server = (os.environ.get("BASE_INTERNAL_URL") or os.environ.get("WM_BASE_URL") or "").rstrip("/")
    return f"{server}/api/w/{os.environ.get('WM_WORKSPACE')}" if server else ""


def answer(path: str, token: str) -> Any:  # noqa: ANN401 - JSON
    """Return what Windmill answers."""
    from urllib.request import Request, urlopen

    headers = {"Authorization": f"Bearer {token}"}
    request = Request(f"{workspace()}/{path}", headers=headers)  # noqa: S310 (the server's own)
    with urlopen(request, timeout=10) as said:  # noqa: S310
        return json.load(said)


def field_of_job(job: str, token: str, field: str) -> Any:  # noqa: ANN401 - JSON
    """Return a field of a job; None where Windmill refuses to tell it.

    While a server is away it is asked again: a run that took now for the time that it was due would do
    the work of another day.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError

    for wait in PAUSES:
        try:
            return answer(f"jobs_u/get/{job}?no_logs=true&no_code=true", token).get(field)
        except (OSError, ValueError, HTTPException) as why:  # noqa: PERF203 (it waits anyway)
            print(f"Windmill does not tell {field} of this run: {why}", file=sys.stderr, flush=True)
            if isinstance(why, HTTPError) and why.code in REFUSALS:
                return None
            time.sleep(wait)
    raise UntoldError(f"Windmill did not tell {field} of this run in {sum(PAUSES)} s; run the flow again.")


def later(function: Callable[[], Any]) -> Callable[[], Any]:
    """Begin a child that knows what this process knows now; return what asks it for what a function returns.

    So this process can forget the token before it runs anything else, and none of what the child needs
    stays in its memory. The child ends with this process, and answers once.
    """
    (asked_for, ask), (read, write) = os.pipe(), os.pipe()
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        try:
            os.close(ask)
            os.close(read)
            end_with(parent)
            if os.read(asked_for, 1):
                os.write(write, json.dumps({"said": function()}).encode())
        except UntoldError as why:
            os.write(write, json.dumps({"error": str(why)}).encode())
        finally:
            os._exit(0)
    os.close(asked_for)
    os.close(write)
    return lambda: answer_of(pid, ask, read)


def watch_worker(token: str) -> None:
    """Begin a child that asks now and then whether this worker is to end, and leaves a file where it is.

    The task looks for the file; the token is in the child alone, which ends with this process.
    """
    file = Path.cwd() / "draining"
    os.environ[DRAINING] = str(file)
    parent = os.getpid()
    if os.fork() == 0:
        try:
            end_with(parent)
            look_until_it_drains(token, file)
        finally:
            os._exit(0)


def look_until_it_drains(token: str, file: Path) -> None:
    """Ask until the worker is to end, or the server does not tell."""
    while True:
        time.sleep(LOOK_EVERY)
        try:
            if answer(f"jobs/worker_is_draining/{os.environ.get('WM_JOB_ID')}", token) is True:
                file.touch()
                return
        except (OSError, ValueError) as why:
            if getattr(why, "code", None) in REFUSALS:
                return


def end_with(parent: int) -> None:
    """Have this process killed when its parent ends, even if somebody else could still ask it."""
    if sys.platform == "linux":
        set_pdeathsig, kill = 1, 9  # linux/prctl.h
        ctypes.CDLL(None).prctl(set_pdeathsig, kill, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def answer_of(pid: int, ask: int, read: int) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Ask a child, wait for its end, and return what it says; None if it was ended by somebody else."""
    with contextlib.suppress(BrokenPipeError):
        os.write(ask, b"?")
    os.close(ask)
    with os.fdopen(read, "rb") as told:
        said = json.loads(told.read() or b"{}")
    os.waitpid(pid, 0)
    if "error" in said:
        raise UntoldError(said["error"])
    return said.get("said")


# The secrets


def set_secrets(secrets: dict[str, Any]) -> None:
    """Set the environment variables whose values Windmill has filled in, and say which ones they are."""
    for name, value in secrets.items():
        text = field_of(name, **value) if isinstance(value, dict) else str(value)
        os.environ[name] = file_of(text) if name == GOOGLE_KEY and text.lstrip()[:1] == "{" else text
    os.environ["METAFLOW_WINDMILL_SECRETS"] = ",".join(secrets)


def file_of(text: str) -> str:
    """Return a file that only the job's user can read: Google's library takes a key from a file alone."""
    descriptor, path = tempfile.mkstemp(prefix="google-", suffix=".json", dir=Path.cwd())
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def field_of(name: str, resource: dict[str, Any] | None, field: str) -> str:
    """Return a field of a resource."""
    if not resource or resource.get(field) is None:
        raise SecretError(f"The resource that {name} comes from has no field {field!r}; correct --secret.")
    return str(resource[field])


# The package


def find_package(package: dict[str, str], datastore: str, cache: Path) -> Path:
    """Return the directory of the unpacked code package, shared by all tasks on this worker."""
    root = cache / package["sha"]
    while not held(root):
        unpack(package, datastore, root)
    with contextlib.suppress(OSError):
        os.utime(root)  # tells those who tidy the cache when it was used last
    return root


def held(root: Path) -> bool:
    """Keep others from removing a package while this job lives; tell whether it is there."""
    try:
        lock = os.open(root, os.O_RDONLY)  # never closed
    except FileNotFoundError:
        return False
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(lock, fcntl.LOCK_SH)
    try:
        return os.fstat(lock).st_ino == root.stat().st_ino
    except FileNotFoundError:
        return False


def cache_directory() -> Path:
    """Return a directory that nobody else can write to: what is in it will be run."""
    given = os.environ.get("METAFLOW_WINDMILL_CACHE")
    cache = Path(given or f"{tempfile.gettempdir()}/metaflow-windmill-{os.getuid()}")
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = cache.stat()
        if status.st_uid == os.getuid() and not status.st_mode & GROUP_OR_OTHERS_WRITE:
            return cache
        problem = "others can write to it"
    except OSError as why:
        problem = str(why)
    print(f"Warning: the package cache {cache} is not used ({problem}); set METAFLOW_WINDMILL_CACHE")
    return private_directory()


def private_directory() -> Path:
    """Return a directory of this job alone, which goes with it."""
    return Path(tempfile.mkdtemp(prefix="metaflow-windmill-", dir=Path.cwd()))


def unpack(package: dict[str, str], datastore: str, root: Path) -> None:
    """Fetch, check, unpack and compile beside the final place, then rename: a half-done try is never seen."""
    beside = place_beside(root)
    try:
        with tempfile.TemporaryFile(dir=beside) as blob:
            fetch(package["url"], datastore, blob)
            check(blob, package)
            with tarfile.open(fileobj=blob, mode="r:*") as archive:
                archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                archive.extractall(beside)  # noqa: S202 (its sha was checked)
        shas = share(beside, root.parent / "files")
        compile_all(beside / ".mf_code", root / ".mf_code", bytecode(root.parent), shas)
        beside.rename(root)
        for folder, _, _ in os.walk(root, topdown=False):
            Path(folder).chmod(0o555)
    except OSError as why:
        if not root.is_dir():  # otherwise another worker was faster
            raise PackageError(
                f"The code package cannot be unpacked into {root.parent} ({why}). "
                "Make room there, or set METAFLOW_WINDMILL_CACHE to another directory on the worker."
            ) from why
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def place_beside(root: Path) -> Path:
    """Return a new directory that others keep from removing while this job lives, under any name."""
    while True:
        beside = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
        if held(beside):
            return beside


def share(package: Path, kept: Path) -> dict[Path, str]:
    """Keep what several packages have, Metaflow's own files mostly, once, and let nobody write to it.

    Returns the sha1 of each file.
    """
    kept.mkdir(exist_ok=True)
    shas = {}
    for folder, _, names in os.walk(package):
        for name in names:
            file = Path(folder, name)
            shas[file] = hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()
            if file.is_symlink():
                continue
            execute = file.stat().st_mode & EXECUTE
            file.chmod(0o444 | execute)
            link(kept / f"{shas[file]}{'x' if execute else ''}", file)
    return shas


def link(known: Path, file: Path) -> None:
    """Make a file the same as the known one, or known if there is none, where that can be."""
    beside = file.with_name(f"{file.name}.link")
    with contextlib.suppress(OSError):
        try:
            os.link(known, beside)
        except FileNotFoundError:
            os.link(file, known)
        else:
            beside.rename(file)


def bytecode(cache: Path) -> Path:
    """Return where the byte code of all packages in the cache is kept, for this version of Python."""
    return cache / f"bytecode-{sys.implementation.cache_tag}"


def compile_all(code: Path, final: Path, kept: Path, shas: dict[Path, str]) -> None:
    """Give every module its byte code, which it shares with the same module of other packages.

    To compile a package takes a second, and from one deployment to the next little of it changes.
    """
    import py_compile  # all other modules come with Metaflow anyway; this one would cost each task its time
    from importlib.util import cache_from_source

    kept.mkdir(exist_ok=True)
    for source in code.rglob("*.py"):
        known = kept / shas[source]
        compiled = Path(cache_from_source(str(source)))
        compiled.parent.mkdir(exist_ok=True)
        try:
            os.link(known, compiled)
        except OSError:
            unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH  # nothing of a package ever changes
            name = str(final / source.relative_to(code))
            py_compile.compile(str(source), str(compiled), name, invalidation_mode=unchecked, quiet=2)
            with contextlib.suppress(OSError):  # it does not compile, or another worker was faster
                compiled.chmod(0o444)
                os.link(compiled, known)


def check(blob: BinaryIO, package: dict[str, str]) -> None:
    """Compare what was fetched with the sha1 that names it in the datastore."""
    blob.seek(0)
    sha = hashlib.sha1(usedforsecurity=False)
    while chunk := blob.read(1 << 20):
        sha.update(chunk)
    if sha.hexdigest() != package["sha"]:
        raise PackageError(
            f"What is at {package['url']} is not the code package that was deployed. Deploy the flow again.",
            final=True,
        )
    blob.seek(0)


def fetch(url: str, datastore: str, blob: BinaryIO) -> None:
    """Copy the package from the datastore."""
    try:
        {"s3": from_s3, "gs": from_gs, "azure": from_azure}.get(datastore, from_file)(url, blob)
    except Exception as why:
        raise PackageError(
            f"The code package cannot be read from {url} ({type(why).__name__}: {why}). "
            "Every worker must see the datastore that the flow was deployed with: "
            "mount its directory, or give the worker the credentials, at the same address.",
            final=is_gone(why),
        ) from why


def is_gone(why: Exception) -> bool:
    """Tell whether a store answered that it has no such thing, rather than that it cannot be asked."""
    response = getattr(why, "response", None)  # boto3's errors have a dictionary there
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return code in {"404", "NoSuchKey"} or type(why).__name__ in GONE


def from_file(url: str, blob: BinaryIO) -> None:
    """Copy from a directory that this worker shares."""
    with Path(url).open("rb") as source:
        shutil.copyfileobj(source, blob)


def from_s3(url: str, blob: BinaryIO) -> None:
    """Copy from S3 or what speaks its protocol."""
    endpoint = os.environ.get("METAFLOW_S3_ENDPOINT_URL") or None
    client = importlib.import_module("boto3").client("s3", endpoint_url=endpoint)
    client.download_fileobj(urlsplit(url).netloc, urlsplit(url).path.lstrip("/"), blob)


def from_gs(url: str, blob: BinaryIO) -> None:
    """Copy from Google Cloud Storage, with the credentials that Metaflow takes."""
    kind = importlib.import_module("google.cloud.storage").Client
    credentials, project = importlib.import_module("google.auth").default(scopes=kind.SCOPE)
    client = kind(project=project, credentials=credentials)
    client.bucket(urlsplit(url).netloc).blob(urlsplit(url).path.lstrip("/")).download_to_file(blob)


def from_azure(url: str, blob: BinaryIO) -> None:
    """Copy from Azure Blob Storage, whose addresses are ``container/name``."""
    container, name = url.split("/", 1)
    credential = importlib.import_module("azure.identity").DefaultAzureCredential()
    credential.get_token("https://storage.azure.com/.default")  # the client would try again for a minute
    endpoint = os.environ["METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT"]
    client = importlib.import_module("azure.storage.blob").BlobServiceClient(endpoint, credential=credential)
    client.get_blob_client(container, name).download_blob().readinto(blob)
