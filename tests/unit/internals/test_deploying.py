"""The names of Metaflow that a flow is compiled by; one that a Metaflow lacks fails in its test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import metaflow
import pytest
from tests.support.snippets import output_of

from metaflow_windmill.internals.deploying import CliState

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow

PROGRAM = """
    import json, sys
    from metaflow import Config, FlowSpec, Parameter, project, schedule, step
    from metaflow import cli
    from metaflow._vendor import click
    from metaflow_windmill.internals import deploying, shapes, storages
    from tests.support.members import lacking

    @click.command("asked")
    @click.pass_obj
    def asked(obj):
        deploying.attach(obj, "windmill_internal")
        flow = obj.flow
        kind = storages.storage_kinds()["local"]
        shaped = [
            (shapes.MetaflowFlow, flow),
            *((shapes.MetaflowParameter, item) for _, item in flow._get_parameters()),
            (shapes.MetaflowGraph, obj.graph),
            (shapes.MetaflowNode, obj.graph["start"]),
            (shapes.StorageKind, kind),
            (shapes.Storage, kind("/nowhere")),
            (shapes.FlowStore, obj.flow_datastore),
            (shapes.Blobs, obj.flow_datastore.ca_store),
            (shapes.MetadataProvider, obj.metadata),
            (shapes.MetaflowEnvironment, obj.environment),
            (shapes.Sidecar, obj.event_logger),
            (shapes.Sidecar, obj.monitor),
        ]
        print("SAID" + json.dumps({
            "lacking": [name for shape, item in shaped for name in lacking(shape, item)],
            "members": [name for name in deploying.CliState.__annotations__ if hasattr(obj, name)],
            "decorators": [item.name for item in deploying.flow_decorators(flow)],
            "called": [item.schedule for item in deploying.flow_decorators_called(flow, "schedule")],
            "none": deploying.flow_decorators_called(flow, "trigger"),
            "named": sorted(deploying.decorators_by_name(flow)),
            "parameters": [[name, item.name] for name, item in deploying.parameters_of(flow)],
            "configs": deploying.configs_of(flow),
            "config values": deploying.config_values(flow),
            "kept": sorted(deploying.kept_for_metaflow(flow)),
            "attached": [item.name for item in flow.start.decorators],
            "graph": obj.graph is flow._graph,
        }))

    cli.cli.add_command(asked)

    @project(name="house")
    @schedule(hourly=True)
    class Asked(FlowSpec):
        settings = Config("settings", default_value="{}")
        size = Parameter("the-size", default=1)

        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    sys.argv[1:] = ["--quiet", "--no-pylint", "asked"]
    Asked()
"""
ROOT = str(Path(__file__).parents[3])
OURS = {"windmill"}
"""What this project's group of commands adds, and the program above does not have."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """What a command of Metaflow's command line sees."""
    folder = tmp_path_factory.mktemp("asked")
    text = output_of(PROGRAM, folder, env={"HOME": str(folder), "USERNAME": "somebody", "PYTHONPATH": ROOT})
    return dict(json.loads(text.rpartition("SAID")[2]))


def test_the_state_of_the_command_line_has_each_member(said: dict[str, Json]) -> None:
    assert set(said["members"]) == set(CliState.__annotations__) - OURS


def test_what_it_holds_has_each_member_that_is_asked_of_it(said: dict[str, Json]) -> None:
    assert said["lacking"] == []


def test_decorators_of_a_flow_are_found_all_and_by_name(said: dict[str, Json]) -> None:
    assert sorted(said["decorators"]) == ["project", "schedule"]
    assert {"project", "schedule"} <= set(said["named"])
    assert said["called"] == ["0 * * * ? *"]
    assert said["none"] == []


def test_parameters_and_configs_are_told_apart(said: dict[str, Json]) -> None:
    assert said["parameters"] == [["size", "the-size"]]
    assert said["configs"] == ["settings"]
    assert isinstance(said["config values"], dict)


def test_attributes_that_metaflow_keeps_for_itself_are_named(said: dict[str, Json]) -> None:
    assert "name" in said["kept"]


def test_a_decorator_is_attached_to_a_flow_that_is_loaded(said: dict[str, Json]) -> None:
    assert "windmill_internal" in said["attached"]
    assert said["graph"]


TAKING = """
    import json, sys
    from metaflow import FlowSpec, cli, package_sources, step
    from metaflow._vendor import click
    from metaflow_windmill.internals import deploying

    @click.command("asked")
    @click.pass_obj
    def asked(obj):
        files = deploying.files_of_package_sources(obj.flow)
        sources = deploying.package_sources_of(obj.flow)
        print("SAID" + json.dumps({
            "sources": [[item.written, item.name, str(item.path)] for item in sources],
            "files": {name: str(path) for name, path in files.items()},
        }))

    cli.cli.add_command(asked)

    @package_sources("taken")
    @package_sources([("taken/one.py", "other/name.py")])
    class Asked(FlowSpec):
        @step(start=True, end=True)
        def only(self):
            pass

    sys.argv[1:] = ["--quiet", "--no-pylint", "asked"]
    Asked()
"""


@pytest.mark.skipif(not hasattr(metaflow, "package_sources"), reason="Metaflow before 2.19.39")
def test_what_is_taken_from_other_folders_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/one.py").touch()
    text = output_of(TAKING, tmp_path, env={"HOME": str(tmp_path), "USERNAME": "somebody"})
    said = json.loads(text.rpartition("SAID")[2])
    folder, file = str(tmp_path / "taken"), str(tmp_path / "taken/one.py")
    assert sorted(said["sources"], key=lambda row: str(row[0])) == [
        ["taken", None, folder],
        ["taken/one.py", "other/name.py", file],
    ]
    assert said["files"] == {"taken/one.py": file, "other/name.py": file}
