"""Metaflow's metadata service in memory: the paths, the answers and the statuses that its client relies on.

Its truth is what Metaflow's own service (2.5.1) answered to `tests/e2e/features/test_metadata_service.py`.
"""

from __future__ import annotations

import json
import re
import time
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, ...]
Answer: TypeAlias = tuple[int, Any]

VERSION = "2.5.1"
PARTS = ("flow_id", "run_number", "step_name", "task_id")
_COLLECTIONS = ("flows", "runs", "steps", "tasks")
_SAID = ("field_name", "type", "user_name", "tags", "system_tags")
_OBJECT = "/flows/([^/]+)(?:/runs/([^/]+)(?:/steps/([^/]+)(?:/tasks/([^/]+))?)?)?"


class MetadataService:
    """Flows, runs, steps, tasks, artifacts and metadata, each under the ids of all that it is in.

    Parameters
    ----------
    beat_seconds : int
        How long a client is to wait from one heartbeat to the next.
    version : str
        What it says it is.
    """

    def __init__(self, beat_seconds: int = 10, version: str = VERSION) -> None:
        self.version = version
        self._beat = beat_seconds
        self._rows: dict[Key, Row] = {}
        self._metadata: list[Row] = []
        self._artifacts: dict[tuple[Key, int, str], Row] = {}
        self._numbers = count(1)
        self._lock = RLock()

    def answer(self, method: str, target: str, body: Any) -> Answer:
        """Return the status of a request and the JSON that is its answer."""
        url = urlsplit(target)
        with self._lock:
            for verb, pattern, handle in self._routes():
                found = re.fullmatch(pattern, url.path)
                if found and verb == method:
                    groups = [unquote(part) for part in found.groups() if part is not None]
                    return handle(groups, body if method != "GET" else parse_qs(url.query))
        return 404, "404: Not Found"

    def _routes(self) -> list[tuple[str, str, Callable[[list[str], Any], Answer]]]:
        task = "/flows/([^/]+)/runs/([^/]+)/steps/([^/]+)/tasks/([^/]+)"
        return [
            ("GET", "/ping", lambda _, __: (200, "pong")),
            ("POST", f"{_OBJECT}/heartbeat", self._heartbeat),
            ("PATCH", "/flows/([^/]+)/runs/([^/]+)/tag/mutate", self._mutate),
            ("GET", f"{_OBJECT}/metadata", self._list_metadata),
            ("POST", f"{task}/metadata", self._add_metadata),
            ("POST", f"{task}/artifact", self._add_artifacts),
            ("GET", f"{_OBJECT}/artifacts", self._list_artifacts),
            ("GET", f"{task}/attempt/([0-9]+)/artifacts", self._list_artifacts_of_attempt),
            ("GET", f"{task}/artifacts/([^/]+)(?:/attempt/([0-9]+))?", self._artifact),
            ("GET", "/flows/([^/]+)/runs/([^/]+)/steps/([^/]+)/filtered_tasks", self._filter_tasks),
            ("GET", f"(?:{_OBJECT})?/(?:flows|runs|steps|tasks)", self._list),
            ("GET", _OBJECT, lambda parts, _: self._one(tuple(parts))),
            ("POST", "/flows/([^/]+)", lambda parts, body: self._create(tuple(parts), body)),
            ("POST", "/flows/([^/]+)/run", self._create_numbered),
            ("POST", "/flows/([^/]+)/runs/([^/]+)/steps/([^/]+)/step", self._create_step),
            ("POST", "/flows/([^/]+)/runs/([^/]+)/steps/([^/]+)/task", self._create_numbered),
        ]

    # -- flows, runs, steps, tasks

    def _create_numbered(self, parts: list[str], body: Any) -> Answer:
        """Create a run or a task, which have a number unless the client names them."""
        given = body.get(PARTS[len(parts)])
        if given and given.isnumeric():
            return 500, "a name is no number"
        if len(parts) > 1 and tuple(parts[:2]) not in self._rows:
            return 500, "there is no such run"
        made = self._create((*parts, given or str(next(self._numbers))), body)
        if made[0] == 200 and len(parts) > 1:
            self._beat_of(tuple(parts[:2]))
        return made

    def _create_step(self, parts: list[str], body: Any) -> Answer:
        return self._create(tuple(parts), body) if tuple(parts[:2]) in self._rows else (500, "no such run")

    def _create(self, key: Key, body: Any) -> Answer:
        if key in self._rows:
            return 409, json.dumps({"err_msg": "duplicate key"})
        if key[:-1] and key[:-1] not in self._rows:
            return 404, json.dumps({"err_msg": "foreign key"})
        said = {name: body.get(name) for name in ("user_name", "tags", "system_tags")}
        self._rows[key] = {**_ids(key), **said, "ts_epoch": _milliseconds()}
        if len(key) in {2, 4}:
            self._rows[key]["last_heartbeat_ts"] = int(time.time())
        return self._one(key)

    def _one(self, key: Key) -> Answer:
        return (200, self._shown(self._rows[key])) if key in self._rows else (404, {})

    def _list(self, parts: list[str], _: Any) -> Answer:
        keys = [key for key in self._rows if key[:-1] == tuple(parts)]
        return 200, [self._shown(self._rows[key]) for key in keys]

    def _shown(self, row: Row) -> Row:
        """Return a row with the tags of its run: those of steps, tasks and artifacts are never shown."""
        if "step_name" not in row:
            return row
        run = self._rows[row["flow_id"], str(row["run_number"])]
        return {**row, "tags": run["tags"], "system_tags": run["system_tags"]}

    # -- what is done to runs and tasks

    def _heartbeat(self, parts: list[str], _: Any) -> Answer:
        """Note a heartbeat; that of a task is one of its run. One that comes too soon is not found."""
        noted = [self._beat_of(key) for key in dict.fromkeys([tuple(parts[:2]), tuple(parts)])]
        return (200 if noted[-1] else 404), json.dumps({"wait_time_in_seconds": self._beat})

    def _beat_of(self, key: Key) -> bool:
        row, now = self._rows.get(key), int(time.time())
        if row is None or row["last_heartbeat_ts"] > now - self._beat:
            return False
        row["last_heartbeat_ts"] = now
        return True

    def _mutate(self, parts: list[str], body: Any) -> Answer:
        run = self._rows.get(tuple(parts))
        if run is None:
            return 404, {}
        added, removed = body.get("tags_to_add", []), body.get("tags_to_remove", [])
        if not _are_texts(added) or not _are_texts(removed):
            return 400, "tags are lists of texts"
        system = set(run["system_tags"])
        if system & set(removed):
            return 422, "a system tag cannot be removed"
        run["tags"] = sorted((set(run["tags"]) - set(removed)) | (set(added) - system))
        return 200, {"tags": run["tags"]}

    # -- metadata

    def _add_metadata(self, parts: list[str], body: list[Row]) -> Answer:
        if tuple(parts) not in self._rows:
            return 400, {"message": "need to register run_id and task_id first"}
        kept = [(item, _as_text(item.get("value"))) for item in body]
        for item, value in kept:
            if value is not None:
                said = {name: item.get(name) for name in _SAID}
                row = {**_ids(tuple(parts)), **said, "value": value, "id": len(self._metadata) + 1}
                self._metadata.append({**row, "ts_epoch": _milliseconds()})
        return 200, {"metadata_created": sum(value is not None for _, value in kept)}

    def _list_metadata(self, parts: list[str], _: Any) -> Answer:
        return 200, [row for row in reversed(self._metadata) if _key(row)[: len(parts)] == tuple(parts)]

    def _filter_tasks(self, parts: list[str], query: Mapping[str, list[str]]) -> Answer:
        field, pattern = query.get("metadata_field_name", [""])[0], query.get("pattern", [""])[0]
        found = [
            _key(row)
            for row in self._metadata
            if _key(row)[:3] == tuple(parts)
            and field in {"", row["field_name"]}
            and re.search(pattern, row["value"])
        ]
        return 200, ["/".join(key) for key in dict.fromkeys(found)]

    # -- artifacts

    def _add_artifacts(self, parts: list[str], body: list[Row]) -> Answer:
        key, created = tuple(parts), 0
        if key not in self._rows:
            return 400, {"message": "need to register run_id and task_id first"}
        for item in body:
            attempt, name = item.get("attempt_id", 0), item["name"]
            if (key, attempt, name) not in self._artifacts:
                row = {**item, **_ids(key), "attempt_id": attempt, "ts_epoch": _milliseconds()}
                self._artifacts[key, attempt, name] = row
                created += 1
        return 200, {"artifacts_created": created}

    def _list_artifacts(self, parts: list[str], _: Any) -> Answer:
        found = [place for place in self._artifacts if place[0][: len(parts)] == tuple(parts)]
        last = {key: max(attempt for other, attempt, _ in found if other == key) for key, _, _ in found}
        return 200, [self._shown(self._artifacts[place]) for place in found if place[1] == last[place[0]]]

    def _list_artifacts_of_attempt(self, parts: list[str], _: Any) -> Answer:
        place = (tuple(parts[:4]), int(parts[4]))
        return 200, [self._shown(row) for other, row in self._artifacts.items() if other[:2] == place]

    def _artifact(self, parts: list[str], _: Any) -> Answer:
        """Answer with an artifact of an attempt, or else of the last one, which the artifact `name` tells."""
        key, name = tuple(parts[:4]), parts[4]
        attempts = [attempt for other, attempt, what in self._artifacts if (other, what) == (key, "name")]
        attempt = int(parts[5]) if len(parts) > 5 else max(attempts, default=0)
        row = self._artifacts.get((key, attempt, name))
        return (404, {}) if row is None else (200, self._shown(row))


def _ids(key: Key) -> Row:
    """Return the ids of an object: what the service has numbered is a number."""
    return {
        name: int(part) if part.isnumeric() and name in {"run_number", "task_id"} else part
        for name, part in zip(PARTS, key, strict=False)
    }


def _as_text(value: Any) -> str | None:
    """Return a value as its column has it: a list as PostgreSQL's array; what is neither is not kept."""
    if isinstance(value, list):
        parts = [_as_text(part) or "" for part in value]
        return "{" + ",".join(f'"{part}"' if re.search(r'[\s{},"]', part) else part for part in parts) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int, float)) else None


def _are_texts(tags: Any) -> bool:
    return isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)


def _key(row: Row) -> Key:
    return tuple(str(row[name]) for name in PARTS)


def _milliseconds() -> int:
    return int(time.time() * 1000)
