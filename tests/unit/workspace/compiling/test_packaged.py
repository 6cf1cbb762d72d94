"""``@package_sources`` of a repository's flow, read without running it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.workspace.compiling.discovery import find_flows, imports_of
from metaflow_windmill.workspace.compiling.imported import imported_requirements
from metaflow_windmill.workspace.compiling.packaged import beside, lay_out, sources_in

if TYPE_CHECKING:
    from pathlib import Path

FLOW = """\
from metaflow import FlowSpec, package_sources, step
import forecasting
@package_sources({arguments})
class TrainFlow(FlowSpec):
    @step(start=True, end=True)
    def only(self): pass
TrainFlow()
"""


@pytest.mark.parametrize(
    ("arguments", "sources"),
    [
        ("'../src/forecasting'", [("forecasting", "src/forecasting")]),
        ("'../src/forecasting/', arcname='vendor/code'", [("vendor/code", "src/forecasting")]),
        ("sources='../tools/one.py'", [("one.py", "tools/one.py")]),
        ("['../a', ('../b', 'c/d')], suffixes=['.py']", [("a", "a"), ("c/d", "b")]),
        ("('../a', 'c')", [("c", "a")]),
        ("['../a', '../b']", [("a", "a"), ("b", "b")]),
        ("('../a', '../b', '../c')", [("a", "a"), ("b", "b"), ("c", "c")]),
        ("('../a', '../b')", []),  # Metaflow takes the second for a name, and refuses it
        ("'..', 'all'", [("all", "")]),
        ("'..'", []),
        ("'../../elsewhere'", []),
        ("'/etc'", []),
        ("'../a', arcname='../b'", []),
        ("SOURCE", []),
        ("12", []),
        ("", []),
    ],
)
def test_sources_that_are_written_down(arguments: str, sources: list[tuple[str, str]]) -> None:
    assert list(sources_in(ast.parse(FLOW.format(arguments=arguments)), "flows")) == sources


def test_the_decorator_is_known_by_its_last_name_and_on_classes_only() -> None:
    text = "@metaflow.package_sources('a')\nclass A: pass\n@package_sources('b')\ndef f(): pass\n"
    assert sources_in(ast.parse(text), ".") == (("a", "a"),)


def test_what_the_folder_of_the_flow_has_itself_stays(tmp_path: Path) -> None:
    files = [
        "flows/train.py",
        "flows/code/a.py",
        "src/code/a.py",
        "src/code/deep/b.py",
        "src/coder.py",
        "x.txt",
    ]
    assert beside("flows/train.py", [("code", "src/code")], files) == {
        "flows/code/deep/b.py": "src/code/deep/b.py"
    }
    everything = beside("flows/train.py", [("all", "")], files)
    assert everything["flows/all/src/coder.py"] == "src/coder.py"
    assert len(everything) == len(files)
    lay_out(tmp_path / "root", "flows/train.py", everything, tmp_path / "made")
    assert (tmp_path / "made/all/flows/code/a.py").readlink() == tmp_path / "root/flows/code/a.py"
    assert (tmp_path / "made/all/x.txt").is_symlink()


def test_a_name_that_is_a_file_and_a_folder_makes_no_trouble(tmp_path: Path) -> None:
    lay_out(tmp_path, "f.py", {"name": "a.py", "name/b.py": "b.py"}, tmp_path / "made")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["name"]


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, list[str]]:
    files = {
        "flows/train.py": FLOW.format(arguments="'../src/forecasting'"),
        "src/forecasting/__init__.py": "from .model import fit\n",
        "src/forecasting/model.py": "import sklearn\n@pypi()\ndef fit(): import forecasting.deep\n",
        "src/forecasting/deep.py": "import helper_of_nobody",
        "src/other.py": "import torch",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path, sorted(files)


def test_imports_go_through_what_is_taken_in(repository: tuple[Path, list[str]]) -> None:
    root, files = repository
    (flow,) = find_flows(root, files, ["flows/*.py"])
    assert flow.packages  # in what it takes in
    assert dict(flow.packaged) == {
        f"flows/forecasting/{name}.py": f"src/forecasting/{name}.py" for name in ("__init__", "model", "deep")
    }
    assert imports_of(root, flow.path, frozenset(files)) == {"flows/train.py", *flow.packaged.values()}
    found = imported_requirements(root, flow.path, files)
    assert found.lines == ("helper-of-nobody", "scikit-learn")
    assert found.imports[0].file.startswith("forecasting/")
