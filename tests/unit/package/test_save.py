from __future__ import annotations

import ast
import hashlib
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.oracle import ROOT, Home
from tests.support.step_jobs import deploy

from metaflow_windmill.errors import PackageError
from metaflow_windmill.package.contents import runtime_files
from metaflow_windmill.package.save import _check

if TYPE_CHECKING:
    from metaflow_windmill.contract.record import Record

FLOW = (ROOT / "examples/hello.py").read_text(encoding="utf-8")
LAYOUT = '{"mfcontent_version": 1}'


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Record:
    home = Home(tmp_path_factory.mktemp("package"))
    home.write("helper", "WORD = 1\n")
    return deploy(home, home.write("hello", FLOW))


@pytest.mark.metaflow
def test_the_package_is_kept_under_its_sha(saved: Record) -> None:
    url = Path(saved.package.url)
    assert url.is_absolute()
    assert url.is_relative_to(saved.datastore.root)
    assert hashlib.sha1(url.read_bytes(), usedforsecurity=False).hexdigest() == saved.package.sha
    assert saved.package.flow_file == "hello.py"
    assert json.loads(saved.package.metadata)["archive_format"] == "tgz"


@pytest.mark.metaflow
def test_the_package_holds_what_a_task_needs(saved: Record) -> None:
    with tarfile.open(saved.package.url) as archive:
        names = set(archive.getnames())
    assert {"hello.py", "helper.py", ".mf_code/metaflow/__init__.py"} <= names
    assert ".mf_code/metaflow_extensions/windmill/plugins/mfextinit_windmill.py" in names
    ours = {
        name.removeprefix(".mf_code/") for name in names if name.startswith(".mf_code/metaflow_windmill/")
    }
    assert "metaflow_windmill/runtime/task.py" in ours
    assert not [name for name in ours if "devserver" in name or "__pycache__" in name]


@pytest.mark.metaflow
def test_the_same_flow_gives_the_same_package(saved: Record, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write("helper", "WORD = 1\n")
    again = deploy(home, home.write("hello", FLOW))
    assert again.package == replace(saved.package, url=again.package.url)


@pytest.mark.metaflow
def test_one_step_of_a_flow_brings_what_all_need() -> None:
    """Metaflow goes through what each brings, for each file anew."""
    from metaflow_extensions.windmill.plugins.windmill_decorator import WindmillInternalDecorator

    def start() -> None: ...
    def end() -> None: ...

    brought = {}
    for step in (start, end):
        decorator = WindmillInternalDecorator()
        decorator.package_init([start, end], step.__name__, None)
        brought[step.__name__] = list(decorator.add_to_package())
    assert brought == {"start": list(runtime_files()), "end": []}


def test_what_goes_in_is_closed_under_imports() -> None:
    files = {name: Path(path) for path, name in runtime_files()}
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files}
    wanted = {module for path in files.values() if path.suffix == ".py" for module in imported(path)}
    assert not {name for name in wanted - modules if "devserver" not in name}


def imported(file: Path) -> set[str]:
    """The modules of this project that a file names in its imports."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    found = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name for name in found if name.startswith("metaflow_windmill.")}


@pytest.mark.parametrize(
    ("names", "metadata", "words"),
    [
        ({"flow.py"}, LAYOUT, "windmill_internal is not attached"),
        ({".mf_code/metaflow_windmill/runtime/task.py"}, LAYOUT, r"flow\.py is not in its code package"),
        ({"flow.py"}, '{"mfcontent_version": 2}', "Take a newer metaflow-windmill"),
    ],
)
def test_a_package_that_no_task_could_run_is_refused(names: set[str], metadata: str, words: str) -> None:
    with pytest.raises(PackageError, match=words):
        _check(names, "flow.py", metadata)
