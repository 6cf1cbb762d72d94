"""The text of every step: its parts are joined to one file that stands alone."""

from __future__ import annotations

import ast
import subprocess
import sys

from metaflow_windmill.package.joined import joined
from metaflow_windmill.package.script import BODY, PARTS, split_requirements, step_script, with_requirements


def imported(tree: ast.Module) -> set[str]:
    nodes = list(ast.walk(tree))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}


def test_it_holds_each_part_and_needs_nothing_but_python() -> None:
    assert {file.stem for file in BODY.glob("*.py")} == {*PARTS, "__init__"}
    tree = ast.parse(step_script())
    assert {name.partition(".")[0] for name in imported(tree)} <= {*sys.stdlib_module_names, "__future__"}
    defined = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert len(defined) == len(set(defined)), "two parts have a function of the same name"
    assert "main" in defined


def test_no_name_in_it_is_unknown() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F,PLE", "-"]
    done = subprocess.run(command, input=step_script(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_parts_are_joined_in_order_with_one_head() -> None:
    head = "from __future__ import annotations\n\nimport os\n"
    first = f'"""One."""\n\n{head}\n\ndef a() -> str:\n    return os.sep\n'
    second = (
        f'"""Two."""\n\n{head}from typing import TYPE_CHECKING\n\n'
        "from here.first import a\n\nif TYPE_CHECKING:\n    from pathlib import Path\n\n\n"
        "def b(_: Path) -> str:\n    return a() + os.sep\n"
    )
    text = joined([first, second], "here")
    assert text.startswith('"""Two."""\n')
    assert (text.count("import os"), text.count("here"), text.count("import annotations")) == (1, 0, 1)
    assert text.index("def a") < text.index("def b")
    assert "if TYPE_CHECKING:\n    from pathlib import Path\n" in text


def test_requirements_at_its_top_are_read_back() -> None:
    whole = with_requirements(step_script(), ["pandas==2.2.0"], "3.11")
    assert split_requirements(whole) == (step_script(), ("pandas==2.2.0",), "3.11")
