"""Windmill's own command line takes what is shipped and exported; its parser reads what the forms say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from metaflow._vendor import yaml
from tests.support.elsewhere import some_server
from tests.support.patience import patient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import Server

CLI = "windmill-cli@1.819.0"
PARSER = "windmill-parser-wasm-py@1.782.0"
ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(file for file in Path("f/metaflow").glob("*.py") if file.stem != "library")

PARSE = """
import fs from 'fs';
import init, {parse_python} from 'windmill-parser-wasm-py';
const folder = 'node_modules/windmill-parser-wasm-py/';
await init({module_or_path: fs.readFileSync(folder + 'windmill_parser_wasm_bg.wasm')});
const read = file => JSON.parse(parse_python(fs.readFileSync(file, 'utf8')));
console.log(JSON.stringify(Object.fromEntries(process.argv.slice(2).map(file => [file, read(file)]))));
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Windmill's packages for Node, where there is a Node and a registry."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm on this machine")
    folder = tmp_path_factory.mktemp("node")
    command = [
        npm,
        "install",
        "--no-fund",
        "--no-audit",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        CLI,
        PARSER,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=patient(170))
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {CLI} here: {done.stderr[-300:]}")
    return folder


def node(folder: Path, *words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        ["node", *words], cwd=cwd or folder, capture_output=True, text=True, check=False, timeout=patient(120)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_lint_passes(modules: Path) -> None:
    said = node(
        modules, str(modules / "node_modules" / "windmill-cli" / "esm" / "main.js"), "lint", cwd=Path()
    )
    assert "Lint passed" in said
    assert "2 valid" in said


def test_windmills_parser_reads_what_the_forms_say(modules: Path) -> None:
    (modules / "parse.mjs").write_text(PARSE)
    for script in SCRIPTS:
        read: dict[str, Any] = json.loads(node(modules, "parse.mjs", str(script.resolve())))[
            str(script.resolve())
        ]
        form = yaml.safe_load(script.with_name(f"{script.stem}.script.yaml").read_text())
        schema = form["schema"]
        assert [argument["name"] for argument in read["args"]] == schema["order"]
        assert [item["name"] for item in read["args"] if not item["has_default"]] == schema["required"]
        assert read["has_preprocessor"] == form["has_preprocessor"]
        assert read["auto_kind"] is None
        for argument in read["args"]:
            about = schema["properties"][argument["name"]]
            if isinstance(argument["typ"], dict) and "resource" in argument["typ"]:
                assert about["format"] == f"resource-{argument['typ']['resource']}"
            if isinstance(argument["typ"], dict) and "dynmultiselect" in argument["typ"]:
                assert about["format"] == f"dynmultiselect-{argument['typ']['dynmultiselect']}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with some_server(tmp_path_factory.mktemp("sync")) as running:
        yield running


def sync(modules: Path, server: Server, folder: Path, *words: str) -> str:
    """Run ``wmill sync`` in a folder, as somebody who has never used it on this machine."""
    program = modules / "node_modules" / "windmill-cli" / "esm" / "main.js"
    where = ("--workspace", server.workspace, "--token", server.token, "--base-url", server.url)
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        ["node", str(program), "sync", *words, "--yes", *where],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(120),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def clone(folder: Path) -> Path:
    """What a clone of this repository has of the files that `wmill` looks at."""
    folder.mkdir()
    shutil.copytree(ROOT / "f", folder / "f")
    for name in ("wmill.yaml", "metaflow_repo.resource-type.yaml"):
        shutil.copy(ROOT / name, folder)
    return folder


def test_what_is_pushed_is_what_is_shipped_and_comes_back_by_a_pull(
    modules: Path, server: Server, tmp_path: Path
) -> None:
    pushed = clone(tmp_path / "clone")
    assert "All 18 changes pushed" in sync(modules, server, pushed, "push")
    done = subprocess.run(
        [sys.executable, "-m", "metaflow_windmill.cli.main", "install", "--dry-run"],
        env={
            **os.environ,
            "WINDMILL_HOST": server.url,
            "WINDMILL_TOKEN": server.token,
            "WINDMILL_WORKSPACE": server.workspace,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(120),
    )
    changed = [line for line in done.stdout.splitlines() if line.startswith(("add", "change"))]
    assert changed in ([], ["change script f/metaflow/library"]), done.stdout  # lib/ may be ahead of the file
    pulled = tmp_path / "pulled"
    pulled.mkdir()
    shutil.copy(ROOT / "wmill.yaml", pulled)
    sync(modules, server, pulled, "pull")
    names = {str(file.relative_to(pushed)) for file in (pushed / "f").rglob("*.*")}
    found = {str(file.relative_to(pulled)) for file in (pulled / "f").rglob("*.*")}
    assert {name for name in found if not name.endswith(".lock")} == names
    for name in names:
        one, other = (pushed / name).read_text(), (pulled / name).read_text()
        assert one == other or name.endswith(".yaml"), name
    form = yaml.safe_load((pulled / "f/metaflow/compile_and_deploy.script.yaml").read_text())
    shipped = yaml.safe_load((pushed / "f/metaflow/compile_and_deploy.script.yaml").read_text())
    assert {name: form[name] for name in ("summary", "description", "schema", "timeout", "labels")} == {
        name: shipped[name] for name in ("summary", "description", "schema", "timeout", "labels")
    }
    said = sync(modules, server, pulled, "push")
    assert f"remote ({server.workspace}) <- local: 0 changes to apply" in said


def test_an_exported_flow_is_pushed_and_runs(modules: Path, server: Server, tmp_path: Path) -> None:
    flow = tmp_path / "hello.py"
    shutil.copy(ROOT / "examples" / "hello.py", flow)
    exported = tmp_path / "exported"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "METAFLOW_USER": "reader",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path / "store"),
    }
    command = [sys.executable, str(flow), "windmill", "export", str(exported)]
    subprocess.run(
        command, env=environment, cwd=tmp_path, check=True, capture_output=True, timeout=patient(120)
    )
    assert "pushed to the remote workspace" in sync(modules, server, exported, "push")
    (path,) = (item["path"] for item in server.get("/flows/list"))
    job = server.post(f"/jobs/run_wait_result/f/{path}", {})
    assert job["run_id"].startswith("windmill-")
    pulled = tmp_path / "pulled"
    pulled.mkdir()
    shutil.copy(exported / "wmill.yaml", pulled)
    sync(modules, server, pulled, "pull")
    one, other = (
        yaml.safe_load((side / f"{path}__flow" / "flow.yaml").read_text()) for side in (exported, pulled)
    )
    assert (one["summary"], one["schema"]) == (other["summary"], other["schema"])
    assert [item["id"] for item in one["value"]["modules"]] == [
        item["id"] for item in other["value"]["modules"]
    ]
