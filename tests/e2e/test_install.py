"""``metaflow-windmill install``, as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.elsewhere import some_server
from tests.support.patience import patient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with some_server(tmp_path_factory.mktemp("install")) as running:
        yield running


def install(server: Server, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    where = {
        "WINDMILL_HOST": server.url,
        "WINDMILL_TOKEN": server.token,
        "WINDMILL_WORKSPACE": server.workspace,
    }
    environment = {**os.environ, **where, **more}
    command = [sys.executable, "-m", "metaflow_windmill.cli.main", "install", *words]
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(120),
    )


def test_it_shows_asks_installs_and_has_nothing_to_do_the_second_time(server: Server) -> None:
    shown = install(server, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "add script f/metaflow/compile_and_deploy" in shown.stdout
    assert shown.stdout.endswith("Nothing was changed.\n")
    nobody = install(server)
    assert nobody.returncode == 1
    assert "Add --yes" in nobody.stderr
    assert server.get("/folders/exists/metaflow") is False
    done = install(server, "--yes")
    assert done.returncode == 0, done.stderr
    for line in (
        "folder f/metaflow",
        "resource type metaflow_repo",
        "schedule f/metaflow/redeploy_if_changed",
    ):
        assert f"done: add {line}" in done.stdout
    assert server.get("/schedules/get/f/metaflow/redeploy_if_changed")["enabled"] is False
    assert server.get("/http_triggers/get/f/metaflow/push")["mode"] == "disabled"
    again = install(server, "--yes")
    assert again.stdout.startswith("Everything is there already")


def test_what_changed_is_shown_and_brought_up_to_date(server: Server) -> None:
    install(server, "--yes")
    old = server.get("/scripts/get/p/f/metaflow/redeploy_if_changed")
    edited = {
        key: old[key] for key in ("path", "summary", "description", "schema", "kind", "labels", "language")
    }
    text = old["content"].replace("def main(", "# edited here\ndef main(")
    server.post("/scripts/create", {**edited, "content": text, "parent_hash": old["hash"], "summary": "Mine"})
    server.post("/schedules/setenabled/f/metaflow/redeploy_if_changed", {"enabled": True})
    shown = install(server, "--dry-run")
    assert "change script f/metaflow/redeploy_if_changed" in shown.stdout
    assert "    -# edited here" in shown.stdout
    assert '    - "summary": "Mine"' in shown.stdout
    assert shown.stdout.count("\nchange ") + shown.stdout.count("\nadd ") == 0
    assert install(server, "--yes").returncode == 0
    new = server.get("/scripts/get/p/f/metaflow/redeploy_if_changed")
    assert new["content"] == old["content"]
    assert server.get("/schedules/get/f/metaflow/redeploy_if_changed")["enabled"] is True


def test_the_way_to_get_the_library_is_a_change(server: Server) -> None:
    install(server, "--yes")
    done = install(server, "--yes", "--package", "git+https://git.example/x.git@v1")
    assert "    +# metaflow-windmill@git+https://git.example/x.git@v1" in done.stdout
    text = server.get("/scripts/raw/p/f/metaflow/compile_and_deploy.py")
    assert text.splitlines()[1] == "# metaflow-windmill@git+https://git.example/x.git@v1"
    assert install(server, "--yes").returncode == 0


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        (("--yes",), {"WINDMILL_TOKEN": "wrong"}, "does not know this token"),
        (("--yes",), {"WINDMILL_HOST": "http://127.0.0.1:9"}, "127.0.0.1:9"),
        (("--yes", "--workspace", "nowhere"), {}, "no workspace 'nowhere'"),
        (("--yes", "--package", "pandas"), {}, "no way to get metaflow-windmill"),
    ],
)
def test_bad_input_is_one_sentence(
    server: Server, words: tuple[str, ...], more: dict[str, str], said: str
) -> None:
    done = install(server, *words, **more)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "wrong" not in done.stderr
