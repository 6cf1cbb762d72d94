"""A person looks at the pages: a browser fills a form in, follows a run, and meets what would do harm."""

from __future__ import annotations

import json
import re
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support import hostile
from tests.support.browser import BROWSER, running_browser
from tests.support.deployed import Target
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.flow_commands import Commands
from tests.support.oracle import Home
from tests.support.programs import flow, python, script
from tests.support.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.browser import Browser
    from tests.support.server import RunningServer

ARTIFACTS = Path(__file__).parents[2] / "test-artifacts"
WIDE, NARROW = 1200, 360
LONG = "x" * 300
CONNECTION = b"a connection"

pytestmark = [
    of_no_use_elsewhere("the pages are the embedded server's"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BROWSER is None, reason="no headless browser; scripts/browser installs one"),
]

DESCRIPTION = """Trains **one model a degree** and keeps the best.

- reads `numbers.csv`
- writes *artifacts*

| parameter | meaning |
|---|---|
| `degrees` | how many |
"""
SCHEMA = {
    "properties": {
        "degrees": {"type": "integer", "description": "How many **models**.", "default": 12},
        "bad": {"type": "array", "items": {"type": "integer"}, "description": "Degrees that are too high."},
        "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
        "repo": {"type": "object", "format": "resource-git_repository"},
    },
    "required": ["degrees"],
}
TRAIN = f"""
import time
def main(i, bad):
    print("training model", i)
    time.sleep(0.1)
    if i in (bad or []):
        raise ValueError(f"degree {{i}} is too high\\n  the second line\\n{LONG}")
"""
REPORT = """
def main():
    page = "# Done\\n\\n- `best` is **3**\\n\\n[how it is read](https://docs.metaflow.org)"
    return {"wm_renderer": "markdown", "markdown": page, "run_id": "windmill-1"}
"""


EVIL_FLOW = """
from metaflow import FlowSpec, card, current, step

class EvilFlow(FlowSpec):
    __doc__ = MARKDOWN

    @card(type="html")
    @step(start=True, end=True)
    def start(self):
        self.html = self.bad = HTML
        print(HTML)

if __name__ == "__main__":
    EvilFlow()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(
        tmp_path_factory.mktemp("server"), arguments=["--tags", "gpu", "--shared-environment"]
    ) as running:
        running.post("/folders/create", {"name": "seen"})
        told = {"summary": "Train a set of models", "description": DESCRIPTION, "labels": ["metaflow"]}
        running.post("/flows/create", flow("f/seen/models", *models(), schema=SCHEMA, **told))
        schedule = {
            "path": "f/seen/models",
            "schedule": "0 0 3 1 1 *",
            "timezone": "Europe/Berlin",
            "is_flow": True,
        }
        running.post("/schedules/create", {**schedule, "script_path": "f/seen/models", "args": {}})
        greet = "def main(name):\n    return f'hello {name}'\n"
        said = {"schema": {"properties": {"name": {"type": "string"}}}, "description": "Says **hello**."}
        running.post("/scripts/create", script("f/seen/greet", greet, **said))
        value = {"url": "https://example.com/models.git", "branch": "main", "token": "$var:f/seen/token"}
        repo = {
            "path": "f/seen/repo",
            "resource_type": "git_repository",
            "value": value,
            "description": "Our **flows**",
        }
        running.post("/resources/create", repo)
        token = {
            "path": "f/seen/token",
            "value": "sword-fish-47",
            "is_secret": True,
            "description": "of the repository",
        }
        running.post("/variables/create", token)
        yield running


@pytest.fixture(scope="module")
def browser(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("browser")) as running:
        running.open(f"{server.url}/?token={server.token}")
        yield running


def models() -> list[dict[str, Any]]:
    start = python("start", "def main(n):\n    return {'foreach': list(range(n))}\n", n="flow_input.degrees")
    train = python("train", TRAIN, i="flow_input.iter.value", bad="flow_input.bad")
    explore = {
        "id": "explore",
        "summary": "explore, all degrees",
        "value": {
            "type": "forloopflow",
            "iterator": {"type": "javascript", "expr": "results.start.foreach"},
            "parallel": True,
            "skip_failures": False,
            "modules": [train, {"id": "kept", "value": {"type": "identity"}}],
        },
    }
    return [start, explore, python("join", REPORT)]


def ran(server: RunningServer, **args: Any) -> str:
    job = server.post("/jobs/run/f/f/seen/models", {"degrees": 12, **args})
    server.finished(job)
    return str(job)


def test_a_form_is_filled_in_and_the_run_is_followed_to_its_end(
    server: RunningServer, browser: Browser
) -> None:
    browser.open(f"{server.url}/flows/get/f/seen/models")
    browser.value("document.getElementById('arg.degrees').value = 'many'")
    browser.go("document.querySelector('form.run button').click()")
    assert "Write a whole number such as 7." in browser.text()
    browser.value("document.getElementById('arg.degrees').value = '7'")
    browser.go("document.querySelector('form.run button').click()")
    browser.until("document.body.dataset.ended")
    said = browser.text()
    assert "7 of 7 done" in said
    assert "best is 3" in said
    job = browser.value("location.pathname").rpartition("/")[2]
    assert server.finished(job)["success"] is True
    assert server.get(f"/jobs_u/get_args/{job}") == {"degrees": 7, "mode": "fast"}


def test_a_failed_run_says_what_failed_and_the_log_is_one_click_away(
    server: RunningServer, browser: Browser
) -> None:
    job = ran(server, bad=[3, 8])
    browser.open(f"{server.url}/run/{job}")
    said = browser.text()
    assert "10 of 12 done, 2 failed" in said
    assert "not run" in said
    assert "train [3]" in said
    assert "the second line" in said
    assert "training model 3" in said
    browser.go("[...document.querySelectorAll('ul.failures a')].at(-1).click()")
    assert "training model 8" in browser.text()


def test_the_pages_are_kept_as_pictures_and_fit_a_telephone(server: RunningServer, browser: Browser) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    failed, good, lonely = ran(server, bad=[3, 8]), ran(server), waits(server)
    pages = {
        "front": "/",
        "flow": "/flows/get/f/seen/models",
        "script": "/scripts/get/f/seen/greet",
        "schedules": "/schedules",
        "resources": "/resources",
        "run-failed": f"/run/{failed}",
        "run-good": f"/run/{good}",
        "run-queued": f"/run/{lonely}",
    }
    for name, path in pages.items():
        for width, dark in ((WIDE, name == "run-good"), (NARROW, name != "run-good")):
            browser.open(server.url + path, width, dark=dark)
            assert browser.overflow() == 0, f"{name} is wider than {width} pixels"
            picture = (
                ARTIFACTS
                / f"{name}-{'wide' if width == WIDE else 'narrow'}-{'dark' if dark else 'light'}.png"
            )
            browser.picture(picture)
            assert picture.read_bytes().startswith(b"\x89PNG")
            assert picture.stat().st_size > 10_000
    server.post(f"/jobs_u/queue/cancel/{lonely}", {"reason": "seen"})


def waits(server: RunningServer) -> str:
    module = python("a", "def main():\n    pass\n")
    module["value"]["tag"] = "tpu"
    server.post("/flows/create", flow("f/seen/tpu", module, summary="Wants another machine"))
    return str(server.post("/jobs/run/f/f/seen/tpu", {}))


@contextmanager
def listening() -> Iterator[socket.socket]:
    """Listen for whoever is led elsewhere."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        listener.settimeout(0.3)
        yield listener


def reached(listener: socket.socket) -> bytes:
    """Return what somebody asked for who was led elsewhere, or that there was a connection; else nothing."""
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return b""
    with connection, suppress(TimeoutError):
        connection.settimeout(1)
        return connection.recv(4096) or CONNECTION
    return CONNECTION


def test_what_would_do_harm_does_nothing(server: RunningServer, browser: Browser, tmp_path: Path) -> None:
    with listening() as elsewhere:
        bad = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        pages = evil(server, hostile.html(bad), hostile.markdown(bad))
        pages += evil_metaflow(server, tmp_path, hostile.html(bad), hostile.markdown(bad))
        lively = [page for page in pages if page.endswith("page=yes")]
        asked, said = len(browser.asked), len(browser.said)
        for path in pages:
            browser.open(server.url + path, NARROW)
            assert browser.overflow() == 0, path
            # That it waits gives what would run the time to. Scripts that a person has asked for can have the
            # browser connect; what they would send goes nowhere.
            assert reached(elsewhere) in ((b"", CONNECTION) if path in lively else (b"",)), path
            assert hostile.MARK not in browser.value("document.title")
            assert browser.value("location.origin") == server.url
            assert hostile.MARK in browser.text() or path in lively or path.endswith("kept")
        assert [each for each in browser.asked[asked:] if not each.startswith((server.url, "data:"))] == []
        assert browser.said[said:] == []


def evil(server: RunningServer, html: str, markdown: str) -> list[str]:
    """Put hostile texts wherever a text can stand; return the pages that show them."""
    field = {"title": html, "description": markdown, "default": html}
    schema = {"properties": {html: {**field, "type": "string"}, "o": {**field, "type": "object"}}}
    told = {"summary": html, "description": markdown, "labels": [html], "schema": schema}
    fails = python(
        "a", f"def main(x):\n    print({html!r})\n    raise ValueError({html!r})\n", x="flow_input.x"
    )
    server.post("/flows/create", flow("f/seen/evil", {**fails, "summary": html}, **told))
    parts = {"render_all": [{"markdown": markdown}, {"html": html}, {"svg": html}, html, [{html: html}]]}
    gives = script(
        "f/seen/evil", f"import json\ndef main():\n    return json.loads({json.dumps(json.dumps(parts))})\n"
    )
    server.post("/scripts/create", {**gives, **told})
    server.post(
        "/resources/create",
        {"path": "f/seen/e", "resource_type": "c", "value": {html: html}, "description": markdown},
    )
    server.post(
        "/variables/create", {"path": "f/seen/e", "value": html, "is_secret": False, "description": html}
    )
    failed = server.post("/jobs/run/f/f/seen/evil", {"x": html, html: html})
    shown = server.post("/jobs/run/p/f/seen/evil", {})
    server.finished(failed)
    server.finished(shown)
    (step,) = server.get(f"/jobs/list?parent_job={failed}")
    runs = [f"/run/{failed}", f"/run/{failed}?job={step['id']}", f"/run/{shown}"]
    lively = f"/run/{shown}/html?at=render_all.1.html&scripts=yes&page=yes"
    return [
        "/",
        "/flows/get/f/seen/evil",
        "/scripts",
        "/scripts/get/f/seen/evil",
        "/resources",
        *runs,
        lively,
    ]


def evil_metaflow(server: RunningServer, directory: Path, html: str, markdown: str) -> list[str]:
    """Run a flow of Metaflow with hostile words, an artifact and a card; return the pages that show them."""
    home = Home(directory)
    text = EVIL_FLOW.replace("MARKDOWN", repr(markdown)).replace("HTML", repr(html))
    target = Target(server.url, server.token, server.workspace)
    ran = Commands(home, target, home.write("evil", text))
    file = directory / "id"
    ran.well("run", "--run-id-file", str(file))
    job = file.read_text().removeprefix("windmill-")
    task = f"EvilFlow/windmill-{job}/start/t"
    kept = requests.get(
        f"{server.url}/run/{job}/kept", headers={"Authorization": f"Bearer {server.token}"}, timeout=60
    ).text
    assert task in kept
    assert re.search(r"bad</div></td><td[^>]*><div>str</div></td><td[^>]*><div>[\d.]+ k?B<", kept)
    (shown,) = re.findall(r'href="([^"]*/card[^"]*)"', kept)
    picture = shown.replace("&amp;", "&")
    (step,) = [row for row in server.get(f"/jobs/list?parent_job={job}") if row["flow_step_id"] == "start"]
    return ["/flows/get/f/flows/EvilFlow", f"/run/{job}?job={step['id']}", f"/run/{job}/kept", picture]
