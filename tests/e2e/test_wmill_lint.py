"""Windmill's own command line accepts what is shipped; its own parser reads what the forms say."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from metaflow._vendor import yaml

CLI = "windmill-cli@1.819.0"
PARSER = "windmill-parser-wasm-py@1.782.0"
SCRIPTS = sorted(Path("f/metaflow").glob("*.py"))

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
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=170)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {CLI} here: {done.stderr[-300:]}")
    return folder


def node(folder: Path, *words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        ["node", *words], cwd=cwd or folder, capture_output=True, text=True, check=False, timeout=120
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
