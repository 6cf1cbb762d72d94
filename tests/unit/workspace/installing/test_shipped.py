from __future__ import annotations

import ast
import re
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from metaflow._vendor import yaml

from metaflow_windmill.errors import DeployError
from metaflow_windmill.workspace.compiling.configuration import read_configuration
from metaflow_windmill.workspace.installing.library import empty_script, without_archive
from metaflow_windmill.workspace.installing.shipped import requirement, shipment

FOLDER = Path("f/metaflow")
SCRIPTS = sorted(file for file in FOLDER.glob("*.py") if file.stem != "library")
PINNED = re.compile(r"[a-z]+==[\d.]+(;python_version<'3\.\d+')?")
INLINE = re.compile(r"^#\s?(\S+)\s*$")  # what Windmill takes for a line of `# requirements:`


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


def requirements_of(text: str) -> list[str]:
    """What Windmill installs for a script: the lines below the first one, up to the first that is none."""
    matches = takewhile(bool, (INLINE.match(line) for line in text.splitlines()[1:]))
    return [match[1] for match in matches if match]


def main_of(script: Path) -> ast.FunctionDef:
    (found,) = (
        node
        for node in ast.parse(script.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "main"
    )
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_form_has_every_parameter_with_a_title_a_description_and_its_default(script: Path) -> None:
    form = read(script.with_name(f"{script.stem}.script.yaml"))
    main = main_of(script)
    names = [argument.arg for argument in main.args.args]
    schema = form["schema"]
    assert schema["order"] == names
    assert list(schema["properties"]) == names
    required = names[: len(names) - len(main.args.defaults)]
    assert schema["required"] == required
    for name, node in zip(names[len(required) :], main.args.defaults, strict=True):
        told, meant = schema["properties"][name]["default"], ast.literal_eval(node)
        assert told == meant or not (told or meant), name
    for about in schema["properties"].values():
        assert about["title"][0].isupper()
        assert about["description"].endswith(".")
    assert form["summary"]
    assert form["description"]
    assert form["has_preprocessor"] is ("def preprocessor(event" in script.read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_windmill_can_read_the_script(script: Path) -> None:
    text = script.read_text()
    lines = text.splitlines()
    assert lines[0] == "# requirements:"
    needed = requirements_of(text)
    assert needed == requirements_of(SCRIPTS[0].read_text())
    assert all(PINNED.fullmatch(line) for line in needed)
    assert {"metaflow", "requests", "wmill"} <= {line.partition("=")[0] for line in needed}
    assert len(re.findall(r"^def main\(", text, re.MULTILINE)) == 1
    main = main_of(script)
    assert not main.args.kwonlyargs  # Windmill drops them from the form
    assert not main.args.vararg
    # A line '@workflow', or these words with `import wmill`, would make it another kind of script.
    assert "workflow(" not in text
    assert re.fullmatch(r"[a-z][a-z0-9_]*", script.stem)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_is_thin(script: Path) -> None:
    assert len(script.read_text().splitlines()) < 120
    tree = ast.parse(script.read_text())
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert imported <= {"__future__", "typing"}  # the rest is imported where it is used


def test_wmill_takes_this_folder_and_nothing_else() -> None:
    settings = read(Path("wmill.yaml"))
    assert settings["includes"] == ["f/metaflow/**"]
    assert settings["includeSchedules"] is settings["includeTriggers"] is True
    # A push deletes what it includes and does not find: these hold the workspace's own.
    assert settings["skipResources"] is settings["skipVariables"] is settings["skipFlows"] is True


def test_the_schedule_and_the_route_are_shipped_turned_off() -> None:
    schedule = read(FOLDER / "redeploy_if_changed.schedule.yaml")
    assert schedule["enabled"] is False
    assert len(schedule["schedule"].split()) == 6
    route = read(FOLDER / "push.http_trigger.yaml")
    assert (route["mode"], route["raw_string"], route["request_type"]) == ("disabled", True, "async")
    for item in (schedule, route):
        assert (FOLDER / f"{item['script_path'].rpartition('/')[2]}.py").is_file()


def test_the_scripts_install_what_the_project_requires() -> None:
    from metaflow._vendor.packaging.requirements import Requirement

    project = Path("pyproject.toml").read_text().partition("dependencies = [")[2].partition("]")[0]
    wanted = {need.name: need for need in map(Requirement, re.findall(r'"(.*)"', project))}
    pinned = {need.name: need for need in map(Requirement, requirements_of(SCRIPTS[0].read_text()))}
    assert set(pinned) == set(wanted) - {"rich"}  # which draws on terminals only, and a job has none
    for name, need in pinned.items():
        (version,) = need.specifier
        assert wanted[name].specifier.contains(version.version)
        assert wanted[name].marker == need.marker


def test_everything_is_in_the_shipment() -> None:
    made = shipment()
    paths = [script.path for script in made.scripts]
    assert paths == ["f/metaflow/library", *(f"f/metaflow/{script.stem}" for script in SCRIPTS)]
    assert "SHA256" in without_archive(made.scripts[0].body["content"])
    assert [script.body["content"] for script in made.scripts[1:]] == [file.read_text() for file in SCRIPTS]
    assert not any("lock" in script.body for script in made.scripts)
    assert list(made.schedules) == ["f/metaflow/redeploy_if_changed"]
    assert list(made.triggers) == ["f/metaflow/push"]
    defaults = {
        name: about["default"]
        for name, about in made.types["metaflow_repo"]["schema"]["properties"].items()
        if "default" in about
    }
    read_configuration({"url": "https://host/a", **defaults})


def test_with_a_package_the_scripts_require_it_and_no_library_travels() -> None:
    made = shipment("metaflow-windmill@https://host/x.whl")
    assert made.scripts[0].body["content"] == empty_script()
    for script in made.scripts[1:]:
        assert requirements_of(script.body["content"])[0] == "metaflow-windmill@https://host/x.whl"


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            "https://host/x/metaflow_windmill-1-py3-none-any.whl",
            "metaflow-windmill@https://host/x/metaflow_windmill-1-py3-none-any.whl",
        ),
        ("git+https://host/x.git@v1", "metaflow-windmill@git+https://host/x.git@v1"),
        ("metaflow-windmill @ git+https://host/x.git", "metaflow-windmill@git+https://host/x.git"),
        ("metaflow_windmill[local] @ https://host/x.whl", "metaflow-windmill@https://host/x.whl"),
    ],
)
def test_ways_to_get_this_library(spec: str, line: str) -> None:
    assert requirement(spec) == line
    assert INLINE.match(f"# {line}")


def test_a_wheel_on_this_machine(tmp_path: Path) -> None:
    wheel = tmp_path / "metaflow_windmill-1-py3-none-any.whl"
    wheel.touch()
    assert requirement(str(wheel)) == f"metaflow-windmill@file://{wheel}"


@pytest.mark.parametrize(
    "spec",
    [
        *("metaflow-windmill", "metaflow_windmill[local]", "1.2.3", "==1.0", "metaflow-windmill >= 1, < 2"),
        *("metaflow-windmill==0.2.1", "Metaflow.Windmill~=1.0"),
    ],
)
def test_a_name_alone_does_not_say_whose_package_it_is(spec: str) -> None:
    with pytest.raises(DeployError, match="does not say whose package that is"):
        requirement(spec)


@pytest.mark.parametrize("spec", ["pandas", "x.whl", "../nowhere.whl", "metaflow-windmillx==1"])
def test_what_is_no_way_to_get_it(spec: str) -> None:
    with pytest.raises(DeployError, match="no way to get metaflow-windmill"):
        requirement(spec)
