"""A person looks at a run: a headless browser opens the page while the run goes on, and sees how it ends."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.elsewhere import of_no_use_elsewhere
from tests.support.programs import flow, python
from tests.support.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import RunningServer

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARTIFACTS = Path(__file__).parents[2] / "test-artifacts"
EVIL = "<script>document.title = 'taken over'</script>"

pytestmark = [
    of_no_use_elsewhere("the pages are the embedded server's"),
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no headless browser; scripts/browser installs one"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("browser")) as running:
        running.post("/folders/create", {"name": "seen"})
        running.post(
            "/flows/create", flow("f/seen/models", *steps(), summary="Train a set of models", labels=[EVIL])
        )
        yield running


def steps() -> list[dict[str, object]]:
    start = python("start", f"def main():\n    print({EVIL!r})\n    return {{'foreach': list(range(12))}}\n")
    train = python(
        "train", "import time\ndef main(i):\n    time.sleep(0.3)\n    return i\n", i="flow_input.iter.value"
    )
    explore = {
        "id": "explore",
        "value": {
            "type": "forloopflow",
            "iterator": {"type": "javascript", "expr": "results.start.foreach"},
            "parallel": True,
            "skip_failures": False,
            "modules": [train],
        },
    }
    join = python(
        "join",
        "def main(xs):\n    print('joined', sum(xs))\n    return {'best': max(xs)}\n",
        xs="results.explore",
    )
    return [start, explore, join]


def look(address: str, profile: Path, *options: str) -> str:
    """Open an address and return the page as it stands when all its streams have ended."""
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--virtual-time-budget=60000", *options, address]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.timeout(300)
def test_a_run_is_followed_to_its_end(server: RunningServer, tmp_path: Path) -> None:
    job = server.post("/jobs/run/f/f/seen/models", {})
    seen = look(f"{server.url}/run/{job}?token={server.token}", tmp_path, "--dump-dom")
    assert 'data-ended="true"' in seen
    assert re.findall(r'data-state="(\w+)" data-module="(?:start|explore|join)"', seen) == ["success"] * 3
    assert len(re.findall(r'class="is-success" title="\d+: success"', seen)) == 12
    assert "12 of 12 done" in seen
    assert "taken over" in seen
    assert "<title>taken over" not in seen
    assert server.finished(job)["success"] is True


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_kept_as_pictures(server: RunningServer, tmp_path: Path, scheme: str) -> None:
    job = server.post("/jobs/run/f/f/seen/models", {})
    server.finished(job)
    (start,) = [row for row in server.get(f"/jobs/list?parent_job={job}") if row["flow_step_id"] == "start"]
    ARTIFACTS.mkdir(exist_ok=True)
    for name, path in (("front", "/"), ("run", f"/run/{job}?job={start['id']}")):
        picture = ARTIFACTS / f"{name}-{scheme}.png"
        picture.unlink(missing_ok=True)
        address = f"{server.url}{path}{'&' if '?' in path else '?'}token={server.token}"
        dark = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
        look(address, tmp_path, dark, "--window-size=1200,900", f"--screenshot={picture}")
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 10_000
