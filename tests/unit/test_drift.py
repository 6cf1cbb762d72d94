"""What this project uses of Metaflow is there, by name; what a release takes away is told."""

from __future__ import annotations

import re
from pathlib import Path

import metaflow
import pytest
from scripts.drift import Operation, changed, metaflow_names, missing_names, of_route, operations, routes

INSTALLED = Path(metaflow.__file__).parent
DESCRIBED = """
def _get_kwargs(
    workspace: str,
    path: str,
    *,
    {more}: Union[Unset, None, bool] = UNSET,
) -> Dict[str, Any]:
    return {{
        "method": "get",
        "url": "/w/{{workspace}}/flows/get/{{path}}".format(
            workspace=workspace,
            path=path,
        ),
    }}
"""


@pytest.mark.metaflow
def test_all_that_is_imported_from_metaflow_is_in_this_one() -> None:
    assert not missing_names(INSTALLED)


def test_the_names_are_those_that_the_code_imports() -> None:
    names = {use.name for use in metaflow_names()}
    assert "metaflow.decorators:StepDecorator" in names
    assert all(re.fullmatch(r"metaflow[\w.]*:\w+", name) for name in names)


def test_what_a_metaflow_has_not_is_named_with_the_place_that_uses_it(tmp_path: Path) -> None:
    (tmp_path / "decorators.py").write_text("class FlowDecorator: ...\n")
    missing = {use.name: use.place for use in missing_names(tmp_path)}
    assert "metaflow.decorators:StepDecorator" in missing
    assert missing["metaflow.decorators:StepDecorator"].startswith(
        "lib/metaflow_extensions/windmill/plugins/"
    )


def test_every_route_is_one_of_windmills_by_its_looks() -> None:
    names = {use.name for use in routes()}
    assert {"flows/get/{}", "jobs/run/{}", "resources/list", "scripts/deployment_status/h/{}"} <= names
    assert not {name for name in names if name.endswith(".py")}


def test_a_release_is_read(tmp_path: Path) -> None:
    (tmp_path / "api" / "flow").mkdir(parents=True)
    (tmp_path / "api" / "flow" / "get_flow_by_path.py").write_text(DESCRIBED.format(more="get_draft"))
    (tmp_path / "api" / "flow" / "__init__.py").write_text("")
    expected = Operation("GET", "flows/get/{}", frozenset({"workspace", "path", "get_draft"}))
    assert operations(tmp_path) == [expected]


def test_a_route_with_a_word_to_fill_in_is_all_that_it_may_be() -> None:
    known = [Operation("POST", f"jobs/run/{way}/{{}}", frozenset()) for way in ("f", "p")]
    assert of_route("jobs/run/{}", known) == known
    assert of_route("jobs/run/p/{}", known) == known[1:]
    assert not of_route("jobs/list", known)


def test_what_is_gone_and_what_takes_other_arguments_is_told() -> None:
    before = [Operation("GET", use.name, frozenset({"path"})) for use in routes()]
    assert not list(changed(before, before))
    after = [one for one in before if one.path not in {"flows/list", "resources/list"}]
    told = list(changed(before, [*after, Operation("GET", "resources/list", frozenset({"page"}))]))
    assert [line.split()[:2] for line in told] == [["GONE", "flows/list"], ["changed", "GET"]]
    assert told[1].endswith("-path +page")
