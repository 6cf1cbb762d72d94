"""Options of Metaflow's other orchestrators: refused with the reason, and with what has their place."""

from __future__ import annotations

import sys

import pytest
from metaflow._vendor.click.testing import CliRunner

from metaflow_windmill.cli.flow.commands import create
from metaflow_windmill.terminal.elsewhere import ELSEWHERE

pytestmark = pytest.mark.metaflow


@pytest.mark.parametrize("option", ELSEWHERE)
def test_an_option_of_elsewhere_is_refused_with_its_reason(option: str) -> None:
    done = CliRunner().invoke(create.command, [option])
    assert done.exit_code == 1
    assert ELSEWHERE[option].replace("`windmill", f"`python {sys.argv[0]} windmill") in done.output
    assert option not in {name for parameter in create.command.params for name in parameter.opts}


def test_any_other_option_points_to_the_help() -> None:
    done = CliRunner().invoke(create.command, ["--nonsense"])
    assert done.exit_code == 1
    assert "no such option: --nonsense; see `" in done.output
