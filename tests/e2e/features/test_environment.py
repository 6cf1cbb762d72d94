"""``@environment`` sets its variables for its own step, before anything of the flow is imported."""

from __future__ import annotations

from ast import literal_eval
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import run_on_windmill
from tests.support.oracle import Home, run_locally

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).parent / "flows" / "environment.py"


ONLY_HERE = {
    "WM_": "what Windmill tells each job",
    "BASE_": "the server's address, for Windmill's own libraries",
    "TZ": "a worker's",
    "LC_CTYPE": "Python sets it by itself where a worker names no language",
    "PYTHONPATH": "Metaflow is in the code package, and what the lock brings is in a folder of its own",
    "METAFLOW_EXTRACTED_ROOT": "the lowest supported Metaflow finds its package by it in a child",
    "METAFLOW_PRODUCTION_TOKEN": "Metaflow's client takes the namespace of a deployed flow from it",
}
"""What a task sees and a local run does not, by the beginning of its name, with the reason."""

NOT_HERE = {
    "METAFLOW_HOME": "the profile of a person; what it says of data is among the variables of the deployment",
    "METAFLOW_PROFILE": "the same",
    "METAFLOW_CLIENT_CACHE_PATH": "set for these tests",
    "PYTHONIOENCODING": "set for these tests",
    "PYTHONDONTWRITEBYTECODE": "set for these tests",
}
"""What only a local run sees of Metaflow's and Python's variables."""


def test_a_step_has_the_variables_that_it_asks_for_and_those_of_a_local_run(
    tmp_path: Path, windmill: Target
) -> None:
    home = Home(tmp_path)
    end = run_on_windmill(home, windmill, FLOW, "EnvironmentFlow").at("end").artifacts
    assert end["number"] == "'3'"
    assert end["colours"] == repr([["deep blue", "deep blue"]] * 2)
    assert end["odd"] == repr("a 'quote' and $HOME")
    assert (end["none_of_its_own"], end["clean"]) == ("True", "True")
    assert "inner" in literal_eval(end["inner"]).split("Task is starting")[1], end["inner"]
    here = literal_eval(end["environment"])
    local = run_locally(home, FLOW, "EnvironmentFlow").at("end").artifacts
    there = literal_eval(local["environment"])
    own = ("METAFLOW", "PYTHON")
    assert not [name for name in here.keys() - there.keys() if not name.startswith(tuple(ONLY_HERE))]
    assert {name for name in there.keys() - here.keys() if name.startswith(own)} <= NOT_HERE.keys()
    both = {name for name in here.keys() & there.keys() if name.startswith(own)} - {"METAFLOW_RUN_ID"}
    assert {name: here[name] for name in both} == {name: there[name] for name in both}
