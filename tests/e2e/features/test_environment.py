"""``@environment`` sets its variables for its own step, before anything of the flow is imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import run_on_windmill
from tests.support.oracle import Home

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).parent / "flows" / "environment.py"


def test_a_step_has_the_variables_that_it_asks_for(tmp_path: Path, windmill: Target) -> None:
    end = run_on_windmill(Home(tmp_path), windmill, FLOW, "EnvironmentFlow").at("end").artifacts
    assert end["number"] == "'3'"
    assert end["colours"] == repr([["deep blue", "deep blue"]] * 2)
    assert end["odd"] == repr("a 'quote' and $HOME")
    assert (end["none_of_its_own"], end["clean"]) == ("True", "True")
