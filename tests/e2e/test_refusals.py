"""What cannot be carried over is told at once, in one report, with what to do instead."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from tests.support.flow_commands import Commands
from tests.support.oracle import Home

from metaflow_windmill.deployment.assembled.settings import top_level_options
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = Path(__file__).parent / "flows" / "refused.py"


@pytest.fixture(scope="module")
def commands(windmill: Target, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    home = Home(tmp_path_factory.mktemp("refused"))
    return Commands(home, windmill, home.write("refused", FLOW.read_text(encoding="utf-8")))


def test_all_steps_and_the_flow_are_named_in_one_report(commands: Commands) -> None:
    # With its local datastore Metaflow itself refuses @batch, before any command begins.
    top = ("--datastore=s3", "--datastore-root=s3://nowhere/metaflow")
    elsewhere = Commands(commands.home, commands.target, commands.flow, top)
    said = elsewhere.refused("create")
    reason = (
        "starts its tasks somewhere else than on a Windmill worker: remove it; "
        "@windmill(tag=...) and @resources choose the worker, @pypi its packages"
    )
    assert said.endswith(
        "This flow cannot run on Windmill: Refused cannot run on Windmill as it is: "
        "the flow: @exit_hook(options=...) chooses a container, and hooks run on Windmill workers: remove it "
        f"step 'start': @kubernetes {reason} step 'middle': @batch {reason} "
        "step 'middle': @retry waits 500 minutes between attempts, and Windmill no longer than 360: lower "
        "minutes_between_retries."
    )
    assert not commands.target.client.flow_exists("f/flows/Refused")


def test_an_environment_that_metaflow_has_not_is_refused_by_metaflow(commands: Commands) -> None:
    top = ("--environment=fast-bakery",)
    said = Commands(commands.home, commands.target, commands.flow, top)("create")
    assert said.status == 2
    assert "invalid choice: fast-bakery" in said.err


@pytest.mark.parametrize("kind", ["fast-bakery", "docker"])
def test_an_environment_of_an_extension_is_refused_and_never_ignored(kind: str) -> None:
    obj = SimpleNamespace(environment=SimpleNamespace(TYPE=kind))
    with pytest.raises(DeployError, match=f"--environment={kind} is not made on Windmill's workers.*pypi"):
        top_level_options(obj)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("create", "--enable-error-msg-capture"), "a failed run shows its first error"),
        (("create", "--no-auto-emit-argo-events"), "each run that succeeds publishes its end"),
        (
            ("suspend", "windmill-1"),
            "Windmill does not hold a run that is under way",
        ),
    ],
)
def test_what_other_orchestrators_have_is_refused_with_a_reason(
    commands: Commands, words: tuple[str, ...], reason: str
) -> None:
    plain = commands.home.write("plain", PLAIN)
    assert reason in Commands(commands.home, commands.target, plain).refused(*words)


PLAIN = """
from metaflow import FlowSpec, step


class Plain(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Plain()
"""
