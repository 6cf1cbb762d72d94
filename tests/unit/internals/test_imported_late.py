"""What Metaflow may import later: each is named by it, used in functions alone, and real for all others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.internals.imported_late import LATE

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow

BEGINNING = """
import builtins, json, pickle, sys
from metaflow_windmill.internals.imported_late import LateModule, LateName, imported_late
usual = builtins.__import__
with imported_late():
    import metaflow.cli, metaflow.package
assert builtins.__import__ is usual
from metaflow.plugins.metadata_providers import service
"""


def told(program: str, *path: Path) -> Json:
    """What a program prints, given Metaflow imported as a task does it."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "METAFLOW_USER": "ada"}
    command = [sys.executable, "-c", f"{BEGINNING}\n{program}"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_metaflow_looks_into_none_of_them_while_it_is_imported() -> None:
    """Where it does in a newer Metaflow nothing breaks, but each task pays for the module again."""
    loaded = set(told("print(json.dumps(sorted(sys.modules)))"))
    # Outside of a package Metaflow looks for what is installed; its command line serves cards.
    asked = {"importlib.metadata", "multiprocessing"}
    assert sorted(loaded & (LATE - asked)) == []
    assert sorted(loaded & {"urllib3", "yaml", "http.client", "concurrent.futures.process"}) == []


def test_no_stand_in_is_ever_where_others_look() -> None:
    program = (
        "print(json.dumps([n for n, m in sys.modules.items() if isinstance(m, (LateModule, LateName))]))"
    )
    assert told(program) == []


def test_each_is_the_module_itself_to_metaflow_and_to_whoever_imports_it() -> None:
    assert told("""
before = isinstance(service.requests, LateModule)
import requests
from requests.exceptions import Timeout
import importlib
service.requests.marked = 7
put = requests.marked
del service.requests.marked
print(json.dumps([
    before,
    service.requests.get is requests.get,
    vars(service.requests) is vars(requests),
    service.requests.exceptions.Timeout is Timeout,
    put, hasattr(requests, "marked"),
    pickle.loads(pickle.dumps(service.requests)) is requests,
    dir(service.requests) == dir(requests), repr(service.requests) == repr(requests),
    importlib.reload(requests) is sys.modules["requests"],
]))
""") == [True, True, True, True, 7, False, True, True, True, True]


def test_a_module_in_a_package_that_is_asked_for_by_its_whole_name_is_imported_at_once() -> None:
    program = """
with imported_late():
    exec("import importlib.metadata, importlib.metadata as aliased", own := {"__name__": "metaflow.own"})
names = [own["importlib"].__name__, own["importlib"].metadata.__name__, own["aliased"].__name__]
print(json.dumps([*names, isinstance(own["aliased"], LateModule)]))
"""
    assert told(program) == ["importlib", "importlib.metadata", "importlib.metadata", False]


def test_the_session_of_the_metadata_service_is_what_metaflow_made_it() -> None:
    """Its class mounts adapters of its own while it is made; the first question makes the session."""
    program = """
session = service.ServiceMetadataProvider._session
print(json.dumps(sorted((at, a._pool_connections, a._pool_maxsize, a.max_retries.total)
                 for at, a in session.adapters.items()) + [[type(session).__name__]]))
"""
    late = told(program)
    plain = told(
        program.replace("session = service", "import importlib\nsession = importlib.reload(service)")
    )
    assert late[:-1] == plain[:-1]
    assert late[-1] == ["LateSession"]
    assert plain[-1] == ["Session"]


def test_what_is_imported_by_name_can_be_called_and_asked_for() -> None:
    assert told("""
from metaflow.packaging_sys import v1
late = v1._ModuleInfo
before = "metaflow.packaging_sys.distribution_support" in sys.modules
made = late(*range(len(late._fields)))
print(json.dumps([isinstance(late, LateName), before, isinstance(made, late), isinstance(7, late)]))
""") == [True, False, True, False]


def test_what_came_with_the_code_is_found_once_somebody_looks_for_it() -> None:
    assert told("""
from metaflow.packaging_sys import MetaflowCodeContent, PackagedDistributionFinder
sys.meta_path.append(PackagedDistributionFinder({"packed": {"METADATA": "Name: packed\\nVersion: 1.5"}}))
before = "metaflow.packaging_sys.distribution_support" in sys.modules
from importlib import metadata
try:
    import not_there_at_all
except ModuleNotFoundError:
    found = metadata.version("packed")
names = [d.metadata["Name"] for d in metadata.distributions()]
print(json.dumps([before, found, "packed" in names]))
""") == [False, "1.5", True]


def test_a_module_that_is_not_metaflows_own_gets_the_real_one_at_once(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import requests, platform\nclass Mine(requests.Session):\n    pass\n")
    assert told(
        """
with imported_late():
    import mine
import requests
print(json.dumps([mine.requests is requests, issubclass(mine.Mine, requests.Session)]))
""",
        tmp_path,
    ) == [True, True]
