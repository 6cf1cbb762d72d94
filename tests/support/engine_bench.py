"""An engine without HTTP and without worker processes: flows run in the test's own thread."""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metaflow_windmill.devserver.engine.engine import Engine
from metaflow_windmill.devserver.expressions.quickjs import QuickJs
from metaflow_windmill.devserver.model import Actor, Outcome, RunnableFlow, ScriptCode, Submission
from metaflow_windmill.devserver.store import jobs
from metaflow_windmill.devserver.store.database import Database
from metaflow_windmill.devserver.store.job_logs import Logs
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from metaflow_windmill.devserver.expressions.evaluator import Evaluator
    from metaflow_windmill.devserver.model import RunnableJob
    from metaflow_windmill.types import Json

WORKSPACE = "admins"
WHO = Actor("ada", "ada@example.com", WORKSPACE)
SETTLES_WITHIN = 60.0


@dataclass
class ShelfCatalog:
    """A catalog on dicts by path."""

    scripts: dict[str, ScriptCode] = field(default_factory=dict)
    flows: dict[str, RunnableFlow] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Json] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)

    def script(self, workspace: str, path: str) -> ScriptCode | None:
        return self.scripts.get(path)

    def script_by_hash(self, workspace: str, hash_: str) -> ScriptCode | None:
        return next((code for code in self.scripts.values() if code.hash == hash_), None)

    def flow(self, workspace: str, path: str) -> RunnableFlow | None:
        return self.flows.get(path)

    def script_text(self, workspace: str, path: str) -> str | None:
        return self.scripts[path].content if path in self.scripts else None

    def unlocked(self, workspace: str, version: str) -> tuple[ScriptCode, ...]:
        return ()

    def keep_locks(self, connection: sqlite3.Connection, workspace: str, hash_: str, locks: Json) -> None:
        raise NotImplementedError

    def variable(self, workspace: str, path: str) -> str | None:
        return self.variables.get(path)

    def resource(self, workspace: str, path: str) -> Json:
        return self.resources.get(path)

    def fill_in(self, workspace: str, value: Json, hide: Callable[[str], None]) -> Json:
        if isinstance(value, dict):
            return {key: self.fill_in(workspace, item, hide) for key, item in value.items()}
        if not isinstance(value, str) or not value.startswith("$var:"):
            return value
        path = value.removeprefix("$var:")
        if path not in self.variables:
            raise ServerError(f"Variable {path} not found")
        hide(self.variables[path])
        return self.variables[path]

    def secrets(self, workspace: str) -> list[str]:
        return list(self.variables.values())

    def environment(self, workspace: str) -> dict[str, str]:
        return self.env


class CountedTokens:
    """Tokens that tell which job they are of."""

    def __init__(self) -> None:
        self.issued: list[Actor] = []

    def issue(self, job_id: str, who: Actor) -> str:
        self.issued.append(who)
        return f"token of {job_id}"


class Failing(Exception):
    """A script fails; its words are the error's message."""


@dataclass
class Bench:
    """An engine, what it stands on, and a worker that knows scripts by their content.

    The scripts of these flows are single words: ``echo`` returns its arguments, ``fail`` raises its argument
    ``message``, and a test may add its own to `answers`.
    """

    database: Database
    engine: Engine
    catalog: ShelfCatalog
    tokens: CountedTokens
    logs: Logs
    answers: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    ran: list[RunnableJob] = field(default_factory=list)

    def submit(self, value: Json, args: Mapping[str, Json] | None = None, **said: Any) -> str:
        """Ask for a run of a flow as if it were deployed, or as a preview."""
        path = said.pop("path", "f/tests/flow")
        flow = RunnableFlow(path, 7, value, tag=said.get("tag"))
        kind = said.pop("kind", "flow")
        return self.engine.submit(
            Submission(kind, said.pop("who", WHO), dict(args or {}), path, flow=flow, **said)
        )

    def run(self, value: Json, args: Mapping[str, Json] | None = None, **said: Any) -> Seen:
        """Run a flow to its end."""
        job_id = self.submit(value, args, **said)
        self.work()
        return self.seen(job_id)

    def work(self, most: int = 100_000) -> None:
        """Do what there is to do, at most so many jobs."""
        self.settle()
        for _ in range(most):
            job = self.engine.pull("bench", ())
            if job is None:
                self.settle()  # A job that could not even be given out has let its flow go on.
                job = self.engine.pull("bench", ())
            if job is None:
                return
            self.engine.finish(job.id, self.outcome(job))
            self.settle()

    def settle(self) -> None:
        """Let the engine react to all that has happened."""
        assert self.engine.settle(SETTLES_WITHIN), "the engine does not come to rest"

    def outcome(self, job: RunnableJob) -> Outcome:
        """Run one script."""
        self.ran.append(job)
        try:
            return Outcome(success=True, result=self._answer(job))
        except Failing as why:
            error = {"name": "Failing", "message": str(why)}
            return Outcome(success=False, result={"error": error})

    def seen(self, job_id: str) -> Seen:
        """Look at a job and everything below it."""
        row = jobs.get_job(self.database, WORKSPACE, job_id)
        below = [self.seen(child["id"]) for child in jobs.children(self.database, job_id)]
        return Seen(row, jobs.result(self.database, job_id), jobs.args(self.database, job_id), below)

    def _answer(self, job: RunnableJob) -> Json:
        answer = self.answers.get(job.code.content)
        if answer is not None:
            return answer(job.args)
        if job.code.content == "fail":
            raise Failing(job.args.get("message", "failed"))
        return job.args


@dataclass(frozen=True)
class Seen:
    """A job as the API shows it, with its result, its arguments and its children."""

    row: Json
    result: Json
    args: Json
    children: list[Seen]

    @property
    def outcome(self) -> str:
        if self.row["type"] != "CompletedJob":
            return "running" if self.row["running"] else "queued"
        if self.row["canceled"]:
            return "canceled"
        return "skipped" if self.row["is_skipped"] else "success" if self.row["success"] else "failure"

    @property
    def modules(self) -> list[Json]:
        found: list[Json] = self.row["flow_status"]["modules"]
        return found

    @property
    def paths(self) -> list[str]:
        """The paths of the children below the job's own, the oldest first."""
        return [(child.row.get("script_path") or "?").rsplit("/", 1)[-1] for child in self.children]

    def child(self, name: str, turn: int = 0) -> Seen:
        """Return a child by the last part of its path."""
        of_name = [
            child for child in self.children if (child.row.get("script_path") or "").endswith(f"/{name}")
        ]
        return of_name[turn]


class Shared:
    """An evaluator that many engines use, one after the other; it stays open when one of them closes."""

    def __init__(self, whole: Evaluator) -> None:
        self.evaluate = whole.evaluate

    def close(self) -> None:
        """Do nothing."""


@contextmanager
def bench(
    directory: Path, database: Database | None = None, evaluator: Evaluator | None = None
) -> Iterator[Bench]:
    """Set up a bench; another one on the same directory goes on where this one stopped."""
    directory.mkdir(parents=True, exist_ok=True)
    database = database or Database(directory / "windmill.db")
    evaluator, logs = evaluator or QuickJs(), Logs(directory / "logs")
    catalog, tokens = ShelfCatalog(), CountedTokens()
    engine = Engine(database, catalog, tokens.issue, evaluator, base_url="http://server", logs=logs)
    try:
        yield Bench(database, engine, catalog, tokens, logs)
    finally:
        engine.close()
        evaluator.close()
        database.close()


def js(expr: str) -> Json:
    """An input computed by an expression."""
    return {"type": "javascript", "expr": expr}


def static(value: Json) -> Json:
    """An input that is a constant."""
    return {"type": "static", "value": value}


def step(
    name: str, content: str = "echo", *, inputs: Mapping[str, Json] | None = None, **rules: Json
) -> Json:
    """A leaf; an input that is a text is an expression."""
    given = {key: js(value) if isinstance(value, str) else value for key, value in (inputs or {}).items()}
    value = {
        "type": "rawscript",
        "language": "python3",
        "content": content,
        "lock": "",
        "input_transforms": given,
    }
    return {"id": name, "value": value, **rules}


def loop(name: str, iterator: str, *body: Json, parallel: bool = True, **more: Json) -> Json:
    """A loop over what an expression gives; `skip_failures` and `parallelism` are of the loop."""
    own = {key: more.pop(key) for key in ("parallelism",) if key in more}
    skip = more.pop("skip_failures", False)
    value = {"type": "forloopflow", "iterator": js(iterator), "modules": list(body), "parallel": parallel}
    return {"id": name, "value": {**value, "skip_failures": skip, **own}, **more}


def repeat(name: str, until: str, *body: Json, **more: Json) -> Json:
    """A loop that ends when an expression over the last result holds."""
    value = {
        "type": "whileloopflow",
        "modules": list(body),
        "skip_failures": more.pop("skip_failures", False),
    }
    stop = {"expr": until, "skip_if_stopped": False}
    return {"id": name, "value": value, "stop_after_if": stop, **more}


def arms(
    name: str, *branches: list[Json], parallel: bool = True, skip: tuple[int, ...] = (), **more: Json
) -> Json:
    """All of several branches."""
    written = [{"modules": modules, "skip_failure": i in skip} for i, modules in enumerate(branches)]
    return {"id": name, "value": {"type": "branchall", "parallel": parallel, "branches": written}, **more}


def choice(name: str, branches: Mapping[str, list[Json]], default: list[Json], **more: Json) -> Json:
    """One of several branches."""
    written = [{"expr": expr, "modules": modules} for expr, modules in branches.items()]
    return {"id": name, "value": {"type": "branchone", "branches": written, "default": default}, **more}


def flow(*modules: Json, **rules: Json) -> Json:
    """A flow value."""
    return {"modules": list(modules), **rules}


def again(attempts: int, seconds: int = 0, **more: Json) -> Json:
    """A rule of retries."""
    return {"constant": {"attempts": attempts, "seconds": seconds}, **more}


class FailsFirst:
    """A script that fails a number of times and then tells how often it was called."""

    def __init__(self, times: int) -> None:
        self._times, self._calls, self._lock = times, itertools.count(), threading.Lock()

    def __call__(self, args: dict[str, Json]) -> Json:
        with self._lock:
            call = next(self._calls)
        if call < self._times:
            raise Failing(f"call {call}")
        return call
