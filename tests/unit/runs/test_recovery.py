"""A deployed flow without its file: identifiers, and a stand-in that no record can turn into a program."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import metaflow  # noqa: F401  (before one of its extensions, as everywhere else)
import pytest
from tests.support.scripted_server import Answer, answer, scripted_server

from metaflow_extensions.windmill.plugins.windmill_deployer import _FROM_PYTHON
from metaflow_windmill.contract.record import PackageInfo, ParameterInfo, Record, StoreInfo
from metaflow_windmill.errors import DeployError, Unauthorized
from metaflow_windmill.runs.recovery import branch_options, find, site_of, stand_in
from metaflow_windmill.terminal.python_words import FROM_PYTHON

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "'''\"\"\"\\\n__import__('os').system('echo hurt')\n#"
RECORD = Record(
    flow="Hello",
    owner="alice",
    token="tok",
    package=PackageInfo("", "", "", ""),
    datastore=StoreInfo("local"),
    metadata=StoreInfo("local"),
    parameters=(
        ParameterInfo("alpha", "alpha", "int", required=True, help=EVIL),
        ParameterInfo(EVIL, "beta", "json", default={"a": 1}),
        ParameterInfo("table", "table", "file", is_text=False, encoding="latin-1"),
    ),
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for name in ("WINDMILL_HOST", "WINDMILL_TOKEN", "WINDMILL_WORKSPACE", "METAFLOW_WINDMILL_FOLDER"):
        monkeypatch.delenv(name, raising=False)


def test_the_stand_in_holds_data_only() -> None:
    text = stand_in(replace(RECORD, project=EVIL, branch="prod"))
    tree = ast.parse(text)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    assert names == {"project", "Parameter", "IncludeFile", "Hello"}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert EVIL in texts


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, flow="Hello:\n    x = 1\nclass B"),
        replace(RECORD, parameters=(ParameterInfo("a", "a = 1; b", "int"),)),
    ],
)
def test_names_that_are_none(record: Record) -> None:
    with pytest.raises(DeployError, match="is no name of a"):
        stand_in(record)


@pytest.mark.parametrize(
    ("branch", "options"),
    [
        (None, {}),
        ("user.alice", {}),
        ("prod", {"production": True}),
        ("prod.x", {"production": True, "branch": "x"}),
        ("test.a_b", {"branch": "a_b"}),
    ],
)
def test_branches(branch: str | None, options: dict[str, Any]) -> None:
    assert branch_options(branch) == options


@pytest.mark.parametrize(
    ("identifier", "path"),
    [
        ("f/teams/Hello", "f/teams/Hello"),
        ("Hello", "f/flows/Hello"),
        ("shop.prod.Hello", "f/flows/shop/prod/Hello"),
        ("shop.test.a_b.Hello", "f/flows/shop/test-a_b/Hello"),
        ('{"path": "f/teams/Hello"}', "f/teams/Hello"),
    ],
)
def test_identifiers(identifier: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = {"path": path, "value": {"flow_env": {"metaflow": RECORD.to_json()}}}
    with scripted_server(answer(flow)) as server:
        monkeypatch.setenv("WINDMILL_HOST", server.url)
        monkeypatch.setenv("WINDMILL_TOKEN", "tok")
        found = find(identifier)
    assert server.seen[0].path == f"/api/w/admins/flows/get/{path}"
    assert json.loads(found.identifier) == {"path": path, "workspace": "admins", "host": server.url}
    assert found.record == RECORD


def test_an_identifier_leads_to_its_own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_server(Answer(404, "Not found")) as server:
        monkeypatch.setenv("WINDMILL_HOST", "http://127.0.0.1:9")
        monkeypatch.setenv("WINDMILL_TOKEN", "tok")
        place = {"path": "f/x/y", "workspace": "other", "host": server.url}
        with pytest.raises(DeployError, match=r"nothing of Metaflow is at f/x/y in the workspace other"):
            find(json.dumps(place))
    assert server.seen[0].path == "/api/w/other/flows/get/f/x/y"


@pytest.mark.parametrize("identifier", ["{nonsense", "{}", '{"path"}'])
def test_what_is_no_identifier(identifier: str) -> None:
    with pytest.raises(DeployError, match="is not the id of a deployed flow"):
        find(identifier)


def test_a_site_needs_a_token() -> None:
    with (
        scripted_server(Answer(200, "CE v1.788.0")) as server,
        pytest.raises(
            Unauthorized, match=r"there is no Windmill token .* pass windmill_token=... to Deployer"
        ),
    ):
        site_of({"WINDMILL_HOST": server.url})


def test_what_the_deployer_runs_is_told_so() -> None:
    assert _FROM_PYTHON == FROM_PYTHON


def test_a_parameter_that_nobody_can_set_is_left_out_of_the_stand_in() -> None:
    fixed = ParameterInfo("fixed", "fixed", "constant", default=[1])
    free = ParameterInfo("free", "free", "int")
    text = stand_in(replace(RECORD, parameters=(fixed, free)))
    assert "free = Parameter('free', type=int" in text
    assert "fixed" not in text
