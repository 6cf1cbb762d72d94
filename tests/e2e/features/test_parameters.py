"""Values of parameters mean on Windmill what they mean with ``python flow.py run``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from tests.support.deployed import Deployed
from tests.support.oracle import Home, compare, run_locally

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).with_name("flows") / "parameters.py"
EXACT = "'' \"quoted\" $(id) ${HOME} `ls` \\n \\\\ %s {{x}} -- \n\r\n\t ünï 中文 🌬"
GIVEN = {
    "--text": EXACT,
    "--large": "$" * 100_000,
    "--blank": "",
    "--How-Many": "-12345678901234567890",
    "--rate": "1e-07",
    "--most": "nan",
    "--fast": "no",
    "--options": '[{"deep": [null, "\\u00e9 $x `y`", 1.5, 9007199254740992]}]',
    "--cleared": "null",
    "--words": "x,y z,,$w",
    "--color": "green",
    "--parts": "1+2j",
    "--name": "Bob",
    "--raw": "raw.bin",
    "--exact": "$res:u/admin/absent",
    "--references": '["$var:u/admin/absent", {"$exact": "1"}]',
}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, windmill: Target) -> Deployed:
    home = Home(tmp_path_factory.mktemp("parameters"))
    (home.root / "letter.txt").write_bytes("Grüße".encode("latin-1"))
    (home.root / "raw.bin").write_bytes(bytes(range(256)))
    flow = Deployed(home, windmill, home.write("parameters", FLOW.read_text()), "ParametersFlow")
    flow.create()
    return flow


def test_defaults_are_those_of_a_local_run(deployed: Deployed) -> None:
    local = run_locally(deployed.home, deployed.flow, deployed.name, "--text=x")
    assert compare(local, deployed.finish(deployed.trigger("--text=x"))) == []
    artifacts = local.at("end").artifacts
    assert (artifacts["nothing"], artifacts["no_number"], artifacts["no_json"]) == ("None",) * 3
    assert artifacts["letter"] == repr("Grüße")


def test_given_values_arrive_exactly(deployed: Deployed) -> None:
    words = [f"{name}={value}" for name, value in GIVEN.items()]
    local = run_locally(deployed.home, deployed.flow, deployed.name, *words)
    windmill = deployed.finish(deployed.trigger(*words))
    assert compare(local, windmill) == []
    artifacts = windmill.at("end").artifacts
    assert artifacts["text"] == repr(EXACT)
    assert artifacts["raw"] == repr(bytes(range(256)))
    assert artifacts["cleared"] == "{}"  # a null is no value to Metaflow, so the default holds


def test_values_from_elsewhere_may_be_larger_than_a_command_line(deployed: Deployed) -> None:
    """A form, a webhook or another flow: all of them give JSON, and a form gives the defaults too."""
    client, path = deployed.target.client, "f/flows/ParametersFlow"
    form = {
        name: item["default"]
        for name, item in client.get_flow(path).schema["properties"].items()
        if "default" in item
    }
    filled_in = {"path": "u/admin/words", "value": "of a variable", "is_secret": False, "description": ""}
    deployed.target.post("/variables/create", filled_in)
    given = {
        **form,
        "text": "x",
        "exact": "$var:u/admin/words",
        "large": "中" * 300_000,
        "How-Many": 5.0,
        "words": ["x", "y"],
        "rate": 2,
    }
    windmill = deployed.finish(f"windmill-{client.run_flow(path, given, str(uuid4()))}")
    artifacts = windmill.at("end").artifacts
    assert artifacts["large"] == repr("中" * 300_000)
    assert (artifacts["number"], artifacts["rate"], artifacts["words"]) == ("5", "2.0", "['x', 'y']")
    assert artifacts["exact"] == "'of a variable'"  # which a form offers to people
    words = ("--text=x", "--How-Many=5", "--rate=2", "--words=x,y", "--exact=of a variable")
    local = run_locally(deployed.home, deployed.flow, deployed.name, *words)
    ours, theirs = dict(artifacts), dict(local.at("end").artifacts)
    assert {**ours, "large": ""} == {**theirs, "large": ""}


def test_the_form_is_right(deployed: Deployed) -> None:
    schema = deployed.target.client.get_flow("f/flows/ParametersFlow").schema
    properties = schema["properties"]
    assert schema["required"] == ["text"]
    assert schema["order"] == list(properties)
    assert properties["text"] == {"type": "string", "title": "text", "description": "Some words"}
    assert properties["name"]["default"] == "made for tester in ParametersFlow"
    assert {name: item["type"] for name, item in properties.items() if item["type"] != "string"} == {
        "$tags": "array",
        "How-Many": "integer",
        "rate": "number",
        "most": "number",
        "fast": "boolean",
        "options": "object",
        "references": "object",
        "cleared": "object",
        "no_number": "integer",
        "no_json": "object",
        "made": "object",
        "made_number": "integer",
    }
    assert properties["color"]["enum"] == ["red", "green"]
    assert properties["letter"]["default"].startswith('{"type": "uploader-')
    assert "plain" not in properties
    json.dumps(schema, allow_nan=False)
