"""The pages of a running server: who may see them, what they say, how they follow a run."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support.programs import flow, python
from tests.support.server import running_server, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.server import RunningServer

UNKNOWN = "00000000-0000-4000-8000-000000000000"
EVIL = "<script>document.title = 'taken over'</script>"
SHOUTS = f"def main(word):\n    print({EVIL!r}, word)\n    return {{'said': word}}\n"
FAILS = f"def main():\n    raise ValueError({EVIL!r})\n"
WAITS = """
import pathlib, time
def main(gate):
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("pages")) as running:
        running.post("/folders/create", {"name": "pages"})
        shout = python("shout", SHOUTS, word="flow_input.word")
        running.post("/flows/create", flow("f/pages/shout", shout, summary=EVIL, labels=[EVIL]))
        running.post("/flows/create", flow("f/pages/fail", python("a", FAILS)))
        yield running


@pytest.fixture
def browser(server: RunningServer) -> Iterator[requests.Session]:
    """A session that has signed in as a person does, with the address that the command prints."""
    with requests.Session() as session:
        answer = session.get(server.url, params={"token": server.token}, timeout=30)
        assert answer.status_code == 200
        yield session


def page(server: RunningServer, browser: requests.Session, path: str) -> str:
    answer = browser.get(server.url + path, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.text


def ran(server: RunningServer, name: str, **args: Any) -> str:
    job = server.post(f"/jobs/run/f/f/pages/{name}", args)
    server.finished(job)
    return str(job)


def test_the_token_goes_from_the_address_into_a_cookie(server: RunningServer) -> None:
    answer = requests.get(
        f"{server.url}/run/{uuid.uuid4()}?job=x&token={server.token}", timeout=30, allow_redirects=False
    )
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("?job=x")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_page_asks_for_the_token_and_takes_it(server: RunningServer) -> None:
    with requests.Session() as session:
        asked = session.get(server.url, timeout=30)
        assert asked.status_code == 401
        assert '<form method="post" action="/login"' in asked.text
        wrong = session.post(f"{server.url}/login", data={"token": "nonsense"}, timeout=30)
        assert wrong.status_code == 401
        right = session.post(f"{server.url}/login", data={"token": server.token}, timeout=30)
        assert right.status_code == 200
        assert "f/pages/shout" in right.text


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example/"])
def test_signing_in_never_leads_elsewhere(server: RunningServer, elsewhere: str) -> None:
    form = {"token": server.token, "next": elsewhere}
    answer = requests.post(f"{server.url}/login", data=form, timeout=30, allow_redirects=False)
    assert answer.headers["location"] == "/"


def test_the_front_page_lists_flows_and_runs(server: RunningServer, browser: requests.Session) -> None:
    job = ran(server, "shout", word="hello")
    shown = page(server, browser, "/")
    assert 'href="/flows/get/f/pages/shout?workspace=admins"' in shown
    assert f'href="/run/{job}"' in shown
    assert EVIL not in shown


def test_a_flow_has_a_page_with_its_steps_and_runs(server: RunningServer, browser: requests.Session) -> None:
    job = ran(server, "shout", word="hello")
    shown = page(server, browser, "/flows/get/f/pages/shout?workspace=admins")
    assert "shout" in shown
    assert f'href="/run/{job}"' in shown
    assert EVIL not in shown
    assert browser.get(f"{server.url}/flows/get/f/pages/none", timeout=30).status_code == 404


def test_a_run_shows_its_steps_and_one_of_them_whole(
    server: RunningServer, browser: requests.Session
) -> None:
    job = ran(server, "shout", word=EVIL)
    (step,) = server.get(f"/jobs/list?parent_job={job}")
    shown = page(server, browser, f"/run/{job}?job={step['id']}")
    assert 'data-state="success" data-module="shout"' in shown
    assert "&quot;said&quot;" in shown
    assert "document.title = &#x27;taken over&#x27;" in shown
    assert EVIL not in shown
    assert "data-events" not in shown


def test_a_failed_run_shows_its_error(server: RunningServer, browser: requests.Session) -> None:
    shown = page(server, browser, f"/run/{ran(server, 'fail')}")
    assert "ValueError: &lt;script&gt;" in shown
    assert "in step a" in shown
    assert EVIL not in shown


def test_nothing_comes_from_elsewhere(server: RunningServer, browser: requests.Session) -> None:
    for path in ("/", "/flows/get/f/pages/shout", f"/run/{ran(server, 'shout', word='x')}"):
        answer = browser.get(server.url + path, timeout=30)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', answer.text)
        assert addresses
        assert [each for each in addresses if not re.match(r"/(?!/)|data:,$|\?", each)] == []
    for name, kind in (("style.css", "text/css"), ("live.js", "text/javascript")):
        answer = requests.get(f"{server.url}/static/{name}", timeout=30)
        assert answer.headers["content-type"].startswith(kind)
        assert "http" not in answer.text
    assert requests.get(f"{server.url}/static/handlers.py", timeout=30).status_code == 404


def test_a_run_is_followed_by_events(
    server: RunningServer, browser: requests.Session, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    server.post("/flows/create", flow("f/pages/waits", python("a", WAITS, gate="flow_input.gate")))
    job = server.post("/jobs/run/f/f/pages/waits", {"gate": str(gate)})
    shown = page(server, browser, f"/run/{job}")
    address = re.search(r'data-events="([^"]*)"', shown)
    assert address is not None
    states, ended = [], False
    with browser.get(server.url + address[1], stream=True, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines(decode_unicode=True):
            ended = ended or line == "event: end"
            if line.startswith("data: ") and '"graph"' in line:
                markup = json.loads(line.removeprefix("data: "))["html"]
                states += re.findall(r'data-state="(\w+)" data-module="a"', markup)
                if "running" in states:
                    gate.touch()
    assert ended
    assert states[-1] == "success"
    assert "running" in states


def test_a_run_is_canceled_from_its_page(
    server: RunningServer, browser: requests.Session, tmp_path: Path
) -> None:
    server.ask("POST", "/flows/create", json=flow("f/pages/held", python("a", WAITS, gate="flow_input.gate")))
    job = server.post("/jobs/run/f/f/pages/held", {"gate": str(tmp_path / "never")})
    wait_until(lambda: server.get(f"/jobs_u/get/{job}").get("running"), 30, "the run did not start")
    assert f'action="/run/{job}/cancel"' in page(server, browser, f"/run/{job}")
    assert requests.post(f"{server.url}/run/{job}/cancel", timeout=30).status_code == 401
    browser.post(f"{server.url}/run/{job}/cancel", timeout=30)
    assert server.finished(job)["canceled_by"] == "admin"
    assert "canceled" in page(server, browser, f"/run/{job}")


@pytest.mark.parametrize("path", ["/run/nonsense", f"/run/{UNKNOWN}", "/nothing/here"])
def test_what_is_not_there_is_a_404(server: RunningServer, browser: requests.Session, path: str) -> None:
    assert browser.get(server.url + path, timeout=30).status_code == 404


def test_pages_keep_to_the_scopes_of_the_token(server: RunningServer) -> None:
    asked = {"scopes": ["jobs:run"], "workspace_id": "admins"}
    narrow = server.post("/api/users/tokens/create", asked)
    assert requests.get(server.url, params={"token": narrow}, timeout=30).status_code == 403
