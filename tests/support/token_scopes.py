"""Which scopes of a token open which route, asked of a Windmill: any, since only answers are looked at.

``python -m tests.support.token_scopes URL TOKEN FILE`` records a server. What is asked changes nothing but
the folder `f/scopes`, which goes with everything in it.

A route of a workspace is asked with tokens of that workspace. One outside of workspaces is asked with tokens
of none, with such of a workspace, and with all else that somebody may come with: see `OTHERS`.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from metaflow_windmill.devserver.api.app import ENDPOINTS
from metaflow_windmill.devserver.api.routing import W
from metaflow_windmill.devserver.release import TRIED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from metaflow_windmill.devserver.api.routing import Endpoint

Row = tuple[str, list[str]]
Table = dict[str, list[str]]
RECORDED = Path(__file__).parents[1] / "engine" / "api" / "token_scopes.json"
ID = "0c0ffee0-0000-4000-8000-000000000000"
DOMAINS = (
    *("flows", "scripts", "resources", "variables", "schedules", "folders", "http_triggers", "jobs"),
    *("users", "workspaces", "workers"),
)
PATHS = ("f/scopes/*", "f/scopes/there", "f/scopes/th*", "f/other/*")
LIMITED = ("flows", "scripts", "resources", "variables", "schedules", "folders", "http_triggers")
SCOPES = (
    *(f"{domain}:{action}" for domain in DOMAINS for action in ("read", "write", "run")),
    *(f"{domain}:{action}:{path}" for domain in LIMITED for action in ("read", "write") for path in PATHS),
    *(f"jobs:run:{kind}" for kind in ("flows", "scripts")),
    *(f"jobs:run:{kind}:{path}" for kind in ("flows", "scripts") for path in PATHS),
    *("*", "flows"),
)
OF_A_WORKSPACE = ", of a workspace"
ALL_RIGHTS = "without scopes"
NOBODY, UNKNOWN, JOB = "no token", "an unknown token", "the token of a job"
OTHERS = (NOBODY, UNKNOWN, ALL_RIGHTS, ALL_RIGHTS + OF_A_WORKSPACE, JOB)
"""Who else asks the routes outside of workspaces."""
BY_A_JOB = """
import os, urllib.error, urllib.request

def main(asked):
    return [status(method, path) for method, path in asked]

def status(method, path):
    headers = {"Authorization": "Bearer " + os.environ["WM_TOKEN"], "Content-Type": "application/json"}
    body = None if method == "GET" else b'"none"'
    url = os.environ["BASE_INTERNAL_URL"] + "/api" + path
    try:
        return urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)).status
    except urllib.error.HTTPError as refused:
        return refused.code
"""
NO_LOCK = "# py: 3.11\n"
CLOSED = (401, 403)
NOTHING = {"modules": [{"id": "a", "value": {"type": "identity"}}]}
FLOW = {"path": "f/scopes/there", "summary": "", "value": NOTHING}
SCRIPT = {
    "path": "f/scopes/there",
    "summary": "",
    "description": "",
    "content": "def main():\n    pass\n",
    "language": "python3",
    "lock": NO_LOCK,
}
SCHEDULE = {
    "path": "f/scopes/there",
    "script_path": "f/scopes/there",
    "is_flow": True,
    "args": {},
    "schedule": "0 0 3 1 1 *",
    "timezone": "UTC",
    "enabled": False,
}
ROUTE = {
    "path": "f/scopes/there",
    "script_path": "f/scopes/there",
    "is_flow": True,
    "route_path": "scopes/there",
    "http_method": "post",
    "authentication_method": "none",
    "is_static_website": False,
    "mode": "disabled",
    "request_type": "async",
    "wrap_body": False,
    "raw_string": False,
    "workspaced_route": True,
}
BODIES: Mapping[str, Any] = {
    "flows/create": FLOW,
    "flows/update": FLOW,
    "scripts/create": SCRIPT,
    "variables/create": {"path": "f/scopes/there", "value": "x", "is_secret": False, "description": ""},
    "resources/create": {"path": "f/scopes/there", "value": {}, "resource_type": "object", "description": ""},
    "schedules/create": SCHEDULE,
    "schedules/setenabled": {"enabled": False},
    "http_triggers/create": ROUTE,
    "folders/update": {"summary": ""},
    "variables/update": {"description": ""},
    "resources/update_value": {"value": {}},
    "resources/update": {"description": ""},
    "schedules/update": {"schedule": "0 0 3 1 1 *", "timezone": "UTC", "args": {}},
    "http_triggers/update": ROUTE,
    "http_triggers/setmode": {"mode": "disabled"},
    "flows/archive": {"archived": False},
}
"""Of what is made; other routes get a body that no route takes, once it is known who asks."""
NO_BODY = "none"
GONE = ("delete", "archive", "run_wait_result")
"""Routes that are asked of what is not there."""


def asked(scopes: Iterable[str] = SCOPES, *, server: str, token: str) -> Table:
    """Return for each route the scopes that open it."""
    with requests.Session() as session:
        return _Asking(session, f"{server}/api", token).table(tuple(scopes))


def scopes_of_interest(route: str) -> list[str]:
    """Return the scopes that say something of a route: those of its own domain, and some others."""
    domain = route.removeprefix("/api/").removeprefix("w/{workspace}/").split("/")[0].removesuffix("_u")
    own = [scope for scope in SCOPES if scope.split(":")[0] == domain]
    return [*own, "*", "flows:write" if domain != "flows" else "scripts:write"]


class _Asking:
    def __init__(self, session: requests.Session, api: str, token: str) -> None:
        self._session, self._api, self._own = session, api, token
        self._tokens: dict[str, str] = {NOBODY: "", UNKNOWN: "x" * 32}
        self._filled: dict[str, str] = {}

    def table(self, scopes: tuple[str, ...]) -> Table:
        self._make()
        try:
            inside = [entry for entry in _routes() if entry[0].path.startswith(W)]
            outside = [entry for entry in _routes() if not entry[0].path.startswith(W)]
            told = [self._row(entry, scopes, OF_A_WORKSPACE) for entry in inside if not entry[0].public]
            return dict([*told, *self._outside(outside, scopes)])
        finally:
            self._remove()

    def _row(self, entry: tuple[Endpoint, str], scopes: tuple[str, ...], bound: str) -> Row:
        endpoint, method = entry
        able = [name for name in scopes_of_interest(endpoint.path) if name in scopes]
        return f"{method} {endpoint.path}", [
            name for name in able if self._opens(method, endpoint, f"{name}{bound}")
        ]

    def _outside(self, entries: list[tuple[Endpoint, str]], scopes: tuple[str, ...]) -> Iterator[Row]:
        by_job = self._opened_by_a_job(entries)
        for entry, job in zip(entries, by_job, strict=True):
            route, able = self._row(entry, scopes, "")
            bound = [f"{name}{OF_A_WORKSPACE}" for name in self._row(entry, scopes, OF_A_WORKSPACE)[1]]
            others = [who for who in OTHERS if (job if who == JOB else self._opens(entry[1], entry[0], who))]
            yield route, [*able, *bound, *others]

    def _opened_by_a_job(self, entries: list[tuple[Endpoint, str]]) -> list[bool]:
        asked = [(method, self._path(endpoint.path)) for endpoint, method in entries]
        preview = {
            "content": BY_A_JOB,
            "language": "python3",
            "args": {"asked": asked},
            "lock": NO_LOCK,
        }
        ran = self._answer("POST", "/w/admins/jobs/run_wait_result/preview", self._own, preview)
        assert ran.ok, ran.text
        return [status not in CLOSED for status in ran.json()]

    def _opens(self, method: str, endpoint: Endpoint, who: str) -> bool:
        path, body = self._path(endpoint.path), self._body(endpoint.path)
        with self._answer(method, path, self._token(who), body, stream=True) as answer:
            return answer.status_code not in CLOSED

    def _path(self, path: str) -> str:
        gone = any(word in path for word in GONE)
        known = {**self._filled, "path:path": f"f/scopes/{'gone' if gone else 'there'}"}
        known |= {"hash": "0" * 16} if gone else {}
        return re.sub(r"\{([\w:]+)\}", lambda found: known.get(found[1], "1"), path.removeprefix("/api"))

    def _body(self, path: str) -> Any:
        return next((body for part, body in BODIES.items() if f"/{part}" in path), NO_BODY)

    def _answer(self, method: str, path: str, token: str, body: Any = None, **how: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        how |= {"json": body} if method != "GET" else {}
        for _ in range(4):  # a server may end a connection that it keeps, in the moment that it is used
            with suppress(requests.ConnectionError):
                return self._session.request(method, self._api + path, headers=headers, timeout=60, **how)
        raise AssertionError(f"{method} {path} is not answered")

    def _token(self, who: str) -> str:
        if who not in self._tokens:
            scope = who.removesuffix(OF_A_WORKSPACE)
            body = {"label": f"scopes {who}", "scopes": None if scope == ALL_RIGHTS else [scope]}
            body |= {"workspace_id": "admins"} if who.endswith(OF_A_WORKSPACE) else {}
            made = self._answer("POST", "/users/tokens/create", self._own, body)
            assert made.ok, made.text
            self._tokens[who] = made.text
        return self._tokens[who]

    def _make(self) -> None:
        self._answer("POST", "/w/admins/folders/create", self._own, {"name": "scopes"})
        for part in ("flows", "variables", "resources", "schedules", "http_triggers"):
            made = self._answer("POST", f"/w/admins/{part}/create", self._own, BODIES[f"{part}/create"])
            assert made.ok, made.text
        script = self._answer("POST", "/w/admins/scripts/create", self._own, SCRIPT)
        assert script.ok, script.text
        version = self._answer("GET", "/w/admins/flows/get/f/scopes/there", self._own).json()["version_id"]
        self._filled = {
            "workspace": "admins",
            "id": ID,
            "name": "scopes",
            "file:path": "f/scopes/there.py",
            "hash": script.text,
            "version": str(version),
            "key": "x",
            "step": "a",
            "prefix": "none",
            "route:path": "scopes/gone",
        }

    def _remove(self) -> None:
        for token in set(self._tokens.values()) - {self._tokens[NOBODY], self._tokens[UNKNOWN]}:
            self._answer("DELETE", f"/users/tokens/delete/{token[:10]}", self._own)
        for part in ("http_triggers", "schedules", "flows", "variables", "resources"):
            self._answer("DELETE", f"/w/admins/{part}/delete/f/scopes/there", self._own)
        self._answer("POST", "/w/admins/scripts/delete/p/f/scopes/there", self._own, {})
        self._answer("DELETE", "/w/admins/folders/delete/scopes", self._own)


def _routes() -> Iterator[tuple[Endpoint, str]]:
    for endpoint in ENDPOINTS:
        for method in endpoint.methods.split() if endpoint.since == TRIED else ():  # what the recording had
            yield endpoint, method


if __name__ == "__main__":
    url, own, file = sys.argv[1:]
    found = asked(server=url, token=own)
    lines = (f"{json.dumps(route)}: {json.dumps(said)}" for route, said in found.items())
    Path(file).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
