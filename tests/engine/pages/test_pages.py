"""The pages of a running server: who may see them, what they say, how they follow a run."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support import hostile
from tests.support.harmless import faults
from tests.support.programs import flow, python, script
from tests.support.server import running_server, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.server import RunningServer

UNKNOWN = "00000000-0000-4000-8000-000000000000"
EVIL = "<script>document.title = 'taken over'</script>"
SHOUTS = f"def main(word):\n    print({EVIL!r}, word)\n    return {{'said': word}}\n"
FAILS = f"def main():\n    raise ValueError({EVIL!r})\n"
FORM = "def main(args):\n    return args\n"
SCHEMA = {
    "properties": {
        "many": {"type": "integer", "default": 3},
        "names": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["many"],
}
GREET = "def main(name):\n    return f'hello {name}'\n"
GREETED = {"properties": {"name": {"type": "string", "description": "Who **it** is"}}, "required": ["name"]}
WAITS = """
import pathlib, time
def main(gate):
    while not pathlib.Path(gate).exists():
        time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("pages"), arguments=["--tags", "gpu,large"]) as running:
        running.post("/folders/create", {"name": "pages"})
        shout = python("shout", SHOUTS, word="flow_input.word")
        running.post("/flows/create", flow("f/pages/shout", shout, summary=EVIL, labels=[EVIL]))
        running.post("/flows/create", flow("f/pages/fail", python("a", FAILS)))
        running.post(
            "/flows/create", flow("f/pages/form", python("a", FORM, args="flow_input"), schema=SCHEMA)
        )
        running.post("/scripts/create", script("f/pages/greet", GREET, schema=GREETED))
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
        assert answer.headers["referrer-policy"] == "same-origin"
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


def fill(server: RunningServer, browser: requests.Session, path: str, **typed: str) -> requests.Response:
    """Send a form as a browser does, with where it comes from."""
    return browser.post(server.url + path, data=typed, headers={"Origin": server.url}, timeout=30)


def test_a_flow_is_run_by_its_form_and_run_again_with_the_same_arguments(
    server: RunningServer, browser: requests.Session
) -> None:
    shown = page(server, browser, "/flows/get/f/pages/form")
    action = re.search(r'action="(/flows/run/[^"]*)"', shown)
    assert action is not None
    assert 'value="3"' in shown
    answer = fill(server, browser, action[1], **{"arg.many": "5", "arg.names": "a\r\nb"})
    assert answer.status_code == 200
    job = answer.url.rpartition("/run/")[2]
    assert server.finished(job)["result"] == {"many": 5, "names": ["a", "b"]}
    again = re.search(r'href="([^"]*from=[^"#]*)#form"', page(server, browser, f"/run/{job}"))
    assert again is not None
    assert 'value="5"' in page(server, browser, again[1].replace("&amp;", "&"))


def test_a_form_comes_back_with_what_is_wrong_and_starts_nothing(
    server: RunningServer, browser: requests.Session
) -> None:
    before = len(server.get("/jobs/list?script_path_exact=f/pages/form"))
    answer = fill(server, browser, "/flows/run/f/pages/form", **{"arg.many": EVIL, "arg.names": "kept"})
    assert answer.status_code == 422
    assert "Write a whole number" in answer.text
    assert ">kept</textarea>" in answer.text
    assert faults(answer.text) == []
    assert len(server.get("/jobs/list?script_path_exact=f/pages/form")) == before


def test_a_form_of_another_page_starts_nothing(server: RunningServer, browser: requests.Session) -> None:
    foreign = {"Origin": "http://evil.example"}
    answer = browser.post(
        f"{server.url}/flows/run/f/pages/form", data={"arg.many": "1"}, headers=foreign, timeout=30
    )
    assert answer.status_code == 403
    assert requests.post(f"{server.url}/flows/run/f/pages/form", timeout=30).status_code == 401


def test_a_script_is_listed_and_run_by_its_form(server: RunningServer, browser: requests.Session) -> None:
    assert 'href="/scripts/get/f/pages/greet?workspace=admins"' in page(server, browser, "/scripts")
    shown = page(server, browser, "/scripts/get/f/pages/greet")
    assert "Who <strong>it</strong> is" in shown
    answer = fill(server, browser, "/scripts/run/f/pages/greet?workspace=admins", **{"arg.name": "you"})
    assert server.finished(answer.url.rpartition("/run/")[2])["result"] == "hello you"


def test_a_script_that_cannot_be_installed_says_why_and_is_not_run(
    server: RunningServer, browser: requests.Session
) -> None:
    needs = script("f/pages/needs", "# requirements:\n# ./nowhere\ndef main():\n    pass\n", lock=None)
    made = server.post("/scripts/create", needs)
    job = server.get(f"/scripts/deployment_status/h/{made}")["job_id"]
    server.finished(job)
    shown = page(server, browser, "/scripts/get/f/pages/needs")
    assert "cannot be installed" in shown
    assert f'href="/run/{job}"' in shown
    assert "cannot be run" in fill(server, browser, "/scripts/run/f/pages/needs").text


def test_schedules_say_what_is_next_and_are_switched(
    server: RunningServer, browser: requests.Session
) -> None:
    asked = {"path": "f/pages/nightly", "schedule": "0 0 3 1 1 *", "timezone": "Europe/Berlin"}
    server.post("/schedules/create", {**asked, "script_path": "f/pages/shout", "is_flow": True, "args": {}})
    shown = page(server, browser, "/schedules")
    assert 'data-label="Next"><div><time' in shown
    assert 'href="/flows/get/f/pages/shout?workspace=admins"' in shown
    fill(server, browser, "/schedules/switch/f/pages/nightly", enabled="false")
    assert server.get("/schedules/get/f/pages/nightly")["enabled"] is False
    assert "switched off" in page(server, browser, "/schedules")
    fill(server, browser, "/schedules/switch/f/pages/nightly", enabled="true")
    assert server.get("/schedules/get/f/pages/nightly")["enabled"] is True


def test_no_secret_is_on_the_page_of_resources(server: RunningServer, browser: requests.Session) -> None:
    secret = "swordfish-4711"
    server.post(
        "/variables/create", {"path": "f/pages/v", "value": secret, "is_secret": True, "description": EVIL}
    )
    value = {"password": "hunter-22", "note": f"it is {secret}", "token": "$var:f/pages/v", "branch": "main"}
    kind = {"type": "object", "properties": {"branch": {"type": "string", "password": True}}}
    server.post("/resources/type/create", {"name": "c_pages", "schema": kind, "description": ""})
    server.post("/resources/create", {"path": "f/pages/r", "resource_type": "c_pages", "value": value})
    shown = page(server, browser, "/resources")
    assert "f/pages/r" in shown
    assert "$var:f/pages/v" in shown
    for hidden in (secret, "hunter-22", "&quot;main&quot;"):
        assert hidden not in shown


def test_a_job_whose_tag_no_worker_has_stays_queued_and_its_page_says_why(
    server: RunningServer, browser: requests.Session
) -> None:
    for name, tag in (("large", "large"), ("tpu", "tpu")):
        module = python("a", "def main():\n    return 1\n")
        module["value"]["tag"] = tag
        server.post("/flows/create", flow(f"f/pages/{name}", module))
    lonely = server.post("/jobs/run/f/f/pages/tpu", {})
    assert server.finished(server.post("/jobs/run/f/f/pages/large", {}))["result"] == 1
    shown = page(server, browser, f"/run/{lonely}")
    assert "1 job waits for a worker with the tag &#x27;tpu&#x27;" in shown
    assert 'class="state is-queued"' in shown
    assert "tag &#x27;tpu&#x27;" in page(server, browser, "/")
    served = server.get("/api/workers/exists_workers_with_tags?tags=large,tpu,python3")
    assert served == {"large": True, "tpu": False, "python3": True}
    browser.post(f"{server.url}/run/{lonely}/cancel", timeout=30)
    assert "tag &#x27;tpu&#x27;" not in page(server, browser, "/")


def test_html_of_a_result_is_sent_to_a_frame_and_nowhere_else(
    server: RunningServer, browser: requests.Session
) -> None:
    code = f"def main():\n    return {{'render_all': [{{'html': {EVIL + '<b>bold</b>'!r}}}]}}\n"
    server.post("/scripts/create", script("f/pages/html", code))
    job = server.post("/jobs/run/p/f/pages/html", {})
    server.finished(job)
    address = f"{server.url}/run/{job}/html?at=render_all.0.html"
    framed = browser.get(address, headers={"Sec-Fetch-Dest": "iframe"}, timeout=30)
    assert framed.text == "<b>bold</b>"
    assert framed.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    lively = browser.get(f"{address}&scripts=yes", headers={"Sec-Fetch-Dest": "iframe"}, timeout=30)
    assert EVIL in lively.text
    assert "allow-same-origin" not in lively.headers["content-security-policy"]
    assert "connect-src" not in lively.headers["content-security-policy"]
    alone = browser.get(address, headers={"Sec-Fetch-Dest": "document"}, timeout=30, allow_redirects=False)
    assert alone.headers["location"] == f"/run/{job}"
    assert requests.get(address, timeout=30).status_code == 401
    assert browser.get(f"{server.url}/run/{job}/html?at=render_all", timeout=30).status_code == 404


def test_pages_are_harmless_whatever_is_in_them(server: RunningServer, browser: requests.Session) -> None:
    bad = hostile.html()
    evil = python("a", f"def main(x):\n    print({bad!r})\n    raise ValueError({bad!r})\n", x="flow_input.x")
    said = {"summary": bad, "description": hostile.markdown(), "labels": [bad], "schema": evil_schema(bad)}
    server.post("/flows/create", flow("f/pages/evil", {**evil, "summary": bad}, **said))
    server.post("/scripts/create", script("f/pages/evil", f"def main():\n    return {bad!r}\n", **said))
    server.post(
        "/resources/create",
        {"path": "f/pages/e", "resource_type": "c", "value": {bad: bad}, "description": bad},
    )
    server.post(
        "/variables/create", {"path": "f/pages/e", "value": bad, "is_secret": False, "description": bad}
    )
    failed = server.post("/jobs/run/f/f/pages/evil", {"x": bad, bad: bad})
    server.finished(failed)
    (step,) = server.get(f"/jobs/list?parent_job={failed}")
    paths = ["/", "/scripts", "/resources", "/flows/get/f/pages/evil", "/scripts/get/f/pages/evil"]
    for path in (
        *paths,
        f"/run/{failed}",
        f"/run/{failed}?job={step['id']}",
        f"/flows/get/f/pages/evil?from={failed}",
    ):
        shown = page(server, browser, path)
        assert "taken over" in shown
        assert faults(shown) == [], path


def evil_schema(bad: str) -> dict[str, Any]:
    field = {"title": bad, "description": bad, "default": bad, "placeholder": bad}
    kinds: dict[str, dict[str, Any]] = {
        bad: {"type": "string"},
        "x": {"type": "string", "enum": [bad, "y"]},
        "o": {"type": "object"},
        "r": {"type": "object", "format": f"resource-{bad}"},
    }
    return {"properties": {name: {**field, **kind} for name, kind in kinds.items()}}
