"""What a program became on a server, as a tree of jobs in which no id, user or stack is left."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
OWN_WORDS = {"ExecutionErr", "InternalErr", "InternalError", "Anyhow"}
"""Errors of the server and not of a step: their words are its own."""


class Api:
    """One workspace of a server.

    Parameters
    ----------
    url, token, workspace : str
    tag : str, optional
        Of the workers that run the programs.
    pause : float
        Seconds between two looks at whether a program has ended.
    """

    def __init__(
        self, url: str, token: str, workspace: str = "admins", tag: str | None = None, pause: float = 0.1
    ) -> None:
        self._tag, self._pause = {"tag": tag} if tag else {}, pause
        self._base = f"{url.rstrip('/')}/api/w/{workspace}"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **how: Any) -> Any:
        """Return the answer to a request that must succeed."""
        answer = self._session.request(method, self._base + path, timeout=60, **how)
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    def ran(self, program: dict[str, Any], path: str, within: float = 300.0) -> Any:
        """Run a program as a preview and return what it became; None where it did not end in time."""
        asked = {"value": program["flow"], "path": path, "args": program["args"]}
        job = str(self.call("POST", "/jobs/run/preview_flow", json=asked, params=self._tag)).strip('"')
        until = time.monotonic() + within
        while not self.call("GET", f"/jobs_u/completed/get_result_maybe/{job}").get("completed"):
            if time.monotonic() > until:
                return None
            time.sleep(self._pause)
        names: dict[str, str] = {}
        return symbolic(self._observed(job, "root", names), names)

    def _observed(self, job: str, label: str, names: dict[str, str]) -> dict[str, Any]:
        names[job] = label
        full = self.call("GET", f"/jobs_u/get/{job}", params={"no_logs": "true", "no_code": "true"})
        node = {
            "job": label,
            "path": full.get("script_path"),
            "outcome": outcome(full),
            "args": full["args"],
            "result": full.get("result"),
        }
        if "flow" in full["job_kind"] and full["job_kind"] != "flowscript":
            node["modules"] = [told(module) for module in (full.get("flow_status") or {}).get("modules", [])]
            node["children"] = self._below(job, label, names)
        return node

    def _below(self, job: str, label: str, names: dict[str, str]) -> list[dict[str, Any]]:
        found = self.call("GET", "/jobs/list", params={"parent_job": job, "per_page": 1000})
        count: dict[str, int] = {}
        nodes = []
        for child in sorted(found, key=lambda it: (natural(it.get("script_path") or ""), it["created_at"])):
            last = (child.get("script_path") or "?").rsplit("/", 1)[-1]
            count[last] = count.get(last, 0) + 1
            nodes.append(self._observed(child["id"], f"{label}/{last}#{count[last]}", names))
        return nodes


def natural(path: str) -> list[tuple[int, str]]:
    """Return a key that sorts forloop-2 before forloop-10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path)]


def outcome(job: dict[str, Any]) -> str:
    """Return how a job ended."""
    if job.get("canceled"):
        return "canceled"
    return "skipped" if job.get("is_skipped") else "success" if job.get("success") else "failure"


def told(module: dict[str, Any]) -> dict[str, Any]:
    """Return what a flow says of a module, with numbers in place of ids."""
    row = {"id": module.get("id"), "type": module.get("type")}
    row |= {key: module[key] for key in ("branch_chosen", "skipped") if module.get(key)}
    row |= {key: len(module[key]) for key in ("failed_retries",) if module.get(key)}
    return row if module.get("flow_jobs") is None else {**row, "flow_jobs": len(module["flow_jobs"])}


def symbolic(value: Any, names: dict[str, str]) -> Any:
    """Return a value without ids, stacks and the words of the server itself."""
    if isinstance(value, dict):
        kept = {key: it for key, it in value.items() if key != "stack" or "message" not in value}
        if kept.get("name") in OWN_WORDS and "message" in kept:
            kept["message"] = "<the server's own words>"
        return {key: symbolic(it, names) for key, it in kept.items()}
    if isinstance(value, list):
        return [symbolic(it, names) for it in value]
    if isinstance(value, str):
        return UUID.sub(lambda found: names.get(found.group(), "<job>"), value)
    return value


def differences(want: Any, got: Any, where: str = "") -> Iterator[str]:
    """Yield each place where two trees are not the same."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(want.keys() | got.keys()):
            yield from differences(want.get(key, "(absent)"), got.get(key, "(absent)"), f"{where}.{key}")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for place, (one, other) in enumerate(zip(want, got, strict=True)):
            yield from differences(one, other, f"{where}[{place}]")
    elif want != got or type(want) is not type(got):
        yield f"{where}: the server {json.dumps(want)[:160]}, here {json.dumps(got)[:160]}"
