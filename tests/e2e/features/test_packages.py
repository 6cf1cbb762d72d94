"""Packages that Windmill installs for steps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed
from tests.support.oracle import Home

from metaflow_windmill.package.script import split_requirements

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = [pytest.mark.metaflow, pytest.mark.slow]

PYPI = ("--environment=pypi",)
FLOW = Path(__file__).with_name("flows") / "packages.py"


@pytest.fixture
def flow(tmp_path: Path, windmill: Target) -> Deployed:
    home = Home(tmp_path)
    return Deployed(home, windmill, home.write("packages", FLOW.read_text()), "PackagesFlow")


def create(flow: Deployed, *options: str, environment: str = "pypi") -> str:
    words = ("--no-pylint", f"--environment={environment}", "windmill", "create", *options)
    done = flow.home.python(flow.flow, *words, env=flow.target.environment)
    return done.stdout + done.stderr


def asked_for(flow: Deployed) -> dict[str, tuple[str, ...]]:
    modules = flow.target.client.get_flow("f/flows/PackagesFlow").value["modules"]
    return {module["id"]: split_requirements(module["value"]["content"]).lines for module in modules}


def test_each_step_has_what_it_asks_for_and_nothing_else(tmp_path: Path, windmill: Target) -> None:
    home = Home(tmp_path)
    flow = Deployed(home, windmill, home.write("packages", FLOW.read_text()), "PackagesFlow", PYPI)
    assert "packages.py asks for" in create(flow)
    seen = flow.finish(flow.trigger())
    assert seen.successful, seen.log
    start, end = seen.at("start").artifacts, seen.at("end").artifacts
    assert re.fullmatch(r"\['4\.1\d\.\d+', '0\.5\.1', '0\.9\.0'\]", start["versions"])
    assert (end["shared"], end["absent"]) == ("'4.9.0'", "True")


FOUND = """
from metaflow import FlowSpec, step


class FoundFlow(FlowSpec):
    @step
    def start(self):
        import jsonschema
        self.valid = jsonschema.Draft7Validator({"type": "string"}).is_valid("text")
        self.next(self.end)

    @step
    def end(self):
        from importlib.util import find_spec
        self.seen = [name for name in ("pytest", "hypothesis", "uvicorn") if find_spec(name)]


if __name__ == "__main__":
    FoundFlow()
"""


def test_a_step_has_what_it_imports_and_not_what_the_server_has(tmp_path: Path, windmill: Target) -> None:
    home = Home(tmp_path)
    flow = Deployed(home, windmill, home.write("found", FOUND), "FoundFlow")
    seen = flow.finish(flow.run())
    assert seen.successful, seen.log
    assert (seen.at("start").artifacts["valid"], seen.at("end").artifacts["seen"]) == ("True", "[]")


def test_what_is_asked_for_stands_in_the_code(flow: Deployed) -> None:
    create(flow)
    found = asked_for(flow)
    assert found["start"] == ("humanize<5,>=4.10", "inflection==0.5.1", "requests", "tabulate==0.9.0")
    assert found["end"] == ("humanize==4.9.0", "inflection==0.5.1", "requests")
    (flow.home.root / "other.txt").write_text("humanize==4.8.0\n")
    assert "other.txt asks for" in create(flow, "--requirements", "other.txt")
    assert asked_for(flow)["end"] == ("humanize==4.8.0", "inflection==0.5.1", "requests")
    create(flow, "--requirements", "none")
    assert asked_for(flow)["end"] == ("inflection==0.5.1", "requests")


def test_what_windmill_does_not_make_is_refused(flow: Deployed) -> None:
    assert "@pypi decorator requires --environment=conda or --environment=pypi" in " ".join(
        create(flow, environment="local").split()
    )
    said = create(flow, "--requirements", "missing.txt")
    assert "The requirements in missing.txt cannot be read" in said
    text = FLOW.read_text().replace("pypi", "conda")
    conda = Deployed(flow.home, flow.target, flow.home.write("of_conda", text), flow.name)
    said = " ".join(create(conda).split())
    refused = "Windmill installs from PyPI and not from conda: ask for"
    assert f"step 'start': {refused} humanize, inflection, tabulate by @pypi instead of @conda" in said
    assert f"step 'end': {refused} inflection by" in said


UV_LOCK = """
version = 1
requires-python = ">=3.10"

[[package]]
name = "project"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "humanize" }, { name = "metaflow" }]

[[package]]
name = "humanize"
version = "4.9.0"
source = { registry = "https://index.example/simple" }

[[package]]
name = "metaflow"
version = "2.19.39"
source = { registry = "https://index.example/simple" }
"""


def test_a_uv_lock_is_carried_over(flow: Deployed) -> None:
    plain = FLOW.read_text().replace("# /// script", "#").replace("@pypi", "# @pypi")
    uv = Deployed(flow.home, flow.target, flow.home.write("of_uv", plain), flow.name)
    assert "--environment=uv needs a uv.lock beside the flow" in create(uv, environment="uv")
    (flow.home.root / "uv.lock").write_text(UV_LOCK)
    for environment in ("uv", "local"):
        assert "uv.lock asks for" in create(uv, environment=environment)
        assert set(asked_for(uv).values()) == {("humanize==4.9.0", "requests"), ()}
        record = flow.target.client.get_flow("f/flows/PackagesFlow").value["flow_env"]["metaflow"]
        assert record["top_level"][0] == "--environment=local"
