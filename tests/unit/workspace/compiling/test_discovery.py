from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import GitSourceError
from metaflow_windmill.workspace.compiling.discovery import find_flows, flows_in, imports_of, matching

if TYPE_CHECKING:
    from pathlib import Path

FLOW = "from metaflow import FlowSpec, step\nclass {0}(FlowSpec):\n    @step\n    def start(self): pass\n"
GUARDED = FLOW + 'if __name__ == "__main__":\n    {0}()\n'
BARE = FLOW + "{0}()\n"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.py", ["a.py", "d/b.py", "d/e/c.py"]),
        ("*.py", ["a.py"]),
        ("d/*.py", ["d/b.py"]),
        ("d/**", ["d/b.py", "d/e/c.py", "d/x.txt"]),
        ("**/c.py", ["d/e/c.py"]),
        ("**/e/*", ["d/e/c.py"]),
        ("?.py", ["a.py"]),
        ("[ab].py", ["a.py"]),
        ("d/[!c].py", ["d/b.py"]),
        ("d", ["d/b.py"]),
        ("d/b.py", ["d/b.py"]),
        (".hidden/*.py", [".hidden/h.py"]),
        ("none/*.py", []),
    ],
)
def test_patterns(pattern: str, found: list[str]) -> None:
    files = ["a.py", "d/b.py", "d/e/c.py", "d/x.txt", ".hidden/h.py", "d/.h/i.py"]
    assert matching(files, [pattern]) == found


def test_a_pattern_starts_in_the_subfolder() -> None:
    files = ["a.py", "flows/b.py", "flows/c/d.py", "flowsx/e.py"]
    assert matching(files, ["**/*.py"], "flows") == ["flows/b.py", "flows/c/d.py"]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (GUARDED.format("A"), ("A",)),
        (BARE.format("A"), ("A",)),
        (FLOW.format("A"), ()),
        ("import metaflow as m\nclass A(m.FlowSpec): pass\nA()\n", ("A",)),
        ("from base import BaseFlow\nclass A(BaseFlow): pass\nA()\n", ("A",)),
        (
            "class A(B):\n  @step(start=True)\n  def s(self): pass\nA()",
            ("A",),
        ),
        ("class A(FlowSpec): pass\ndef main():\n    A()\n", ()),
        ("class A: pass\nA()\n", ()),
        ("print('A()')\n", ()),
        ("", ()),
        ("class A(FlowSpec):\n  this is: not Python\n", ("A",)),
        ("this is: not Python", ()),
        ("(" * 5000, ()),
    ],
)
def test_what_counts_as_a_flow_file(source: str, names: tuple[str, ...]) -> None:
    assert flows_in(source) == names


def test_nothing_is_run_to_find_flows(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + BARE.format("A"))
    assert [flow.flows for flow in find_flows(tmp_path, ["a.py"], ["**/*.py"])] == [("A",)]
    assert not (tmp_path / "ran").exists()


def test_flows_are_found_once_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "z.py").write_text(BARE.format("Z"))
    (tmp_path / "a.py").write_text("@project(name='p')\n" + BARE.format("A"))
    (tmp_path / "helper.py").write_text("X = 1\n")
    found = find_flows(tmp_path, ["a.py", "helper.py", "z.py"], ["z.py", "**/*.py"])
    assert [(flow.path, flow.flows, flow.project) for flow in found] == [
        ("a.py", ("A",), True),
        ("z.py", ("Z",), False),
    ]


def test_a_file_that_is_named_counts_as_a_flow(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text("from elsewhere import make\nmake()()\n")
    assert [flow.path for flow in find_flows(tmp_path, ["odd.py"], ["odd.py"])] == ["odd.py"]
    assert find_flows(tmp_path, ["odd.py"], ["*.py"]) == []


def test_a_file_that_is_named_and_not_there(tmp_path: Path) -> None:
    with pytest.raises(GitSourceError, match=r"no file 'b\.py' below flows"):
        find_flows(tmp_path, ["flows/a.py"], ["b.py"], "flows")


def test_imports_are_followed_wherever_they_stand(tmp_path: Path) -> None:
    sources = {
        "flows/a.py": "import helper\nclass A:\n  def s(self):\n    from deep.inner import x\n",
        "flows/helper.py": "from other import *\n",
        "flows/other.py": "",
        "flows/deep/__init__.py": "",
        "flows/deep/inner.py": "from . import sibling\n",
        "flows/deep/sibling.py": "",
        "flows/b.py": "import a\n",
        "helper.py": "",
    }
    for path, text in sources.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    needed = imports_of(tmp_path, "flows/a.py", frozenset(sources))
    assert needed == {
        "flows/a.py",
        "flows/helper.py",
        "flows/other.py",
        "flows/deep/__init__.py",
        "flows/deep/inner.py",
        "flows/deep/sibling.py",
    }


@pytest.mark.parametrize(
    ("source", "asks"),
    [
        ("@pypi(packages={})\n", True),
        ("@metaflow.conda_base(python='3.11')\n", True),
        ("class M(FlowMutator):\n    def f(self, s): s.add_decorator('pypi', packages={})\n", True),
        ("# pypi has it\nimport pypi_tools\n@pypish\n", False),
    ],
)
def test_packages_that_a_flow_or_what_it_imports_asks_for(tmp_path: Path, source: str, asks: bool) -> None:
    (tmp_path / "base.py").write_text(source)
    (tmp_path / "one.py").write_text("from base import Base\n" + GUARDED.format("A"))
    (tmp_path / "two.py").write_text(GUARDED.format("B"))
    (one, two) = find_flows(tmp_path, ["base.py", "one.py", "two.py"], ["*.py"])
    assert (one.packages, two.packages) == (asks, False)


def test_a_file_that_runs_a_flow_of_another_file_is_one(tmp_path: Path) -> None:
    step = "    @step\n    def start(self): ...\n"
    files = {
        "team/launch.py": "from flows.deep import DeepFlow as It\nif __name__ == '__main__':\n    It()\n",
        "team/flows/deep.py": f"@project(name='p')\nclass DeepFlow(FlowSpec):\n{step}",
        "team/uses.py": "from flows.deep import DeepFlow\nprint(DeepFlow)\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (found,) = find_flows(tmp_path, sorted(files), ["**/*.py"])
    assert (found.path, found.flows, found.project) == ("team/launch.py", ("DeepFlow",), True)


def test_a_subfolder_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(GitSourceError, match=r"no folder 'flws'.*folders there are docs, flows\."):
        find_flows(tmp_path, ["flows/a.py", "docs/x/y.md", ".github/z.yml", "top.py"], ["**/*.py"], "flws")
