"""What a step needs of its worker, and how often it is tried."""

from __future__ import annotations

from textwrap import dedent
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from metaflow.exception import MetaflowException

from metaflow_extensions.windmill.plugins.windmill_step import WindmillDecorator
from metaflow_windmill.graph import Retries, StepPackages

if TYPE_CHECKING:
    from tests.support.dags import Read

    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow


@pytest.mark.parametrize(
    ("decorators", "retries", "seconds"),
    [
        ("", Retries(), None),
        ("@retry", Retries(3, 0, 120), None),
        ("@retry(times=0)", Retries(0, 0, 0), None),
        ("@retry(times=1, minutes_between_retries=0.5)", Retries(1, 0, 30), None),
        ("@catch\n@retry(times=0)", Retries(0, 3, 0), None),
        ("@catch", Retries(0, 3, 0), None),
        ("@catch\n@retry(times='2')", Retries(2, 3, 120), None),
        ("@timeout(hours=1, minutes=2, seconds=3)", Retries(), 3723),
        ("@timeout(seconds='5')", Retries(), 5),
    ],
)
def test_retries_and_time_limits_are_counted_as_metaflow_counts_them(
    read: Read, decorators: str, retries: Retries, seconds: int | None
) -> None:
    dag = read(f"{dedent(decorators)}\n@step\ndef only(self):\n    'Do it.'\n")
    assert (dag["only"].retries, dag["only"].timeout) == (retries, seconds)
    assert dag["only"].doc == "Do it."


def test_every_decorator_is_there_with_what_was_said_to_it(read: Read) -> None:
    dag = read("@resources(cpu=2)\n@environment(vars={'A': 'b'})\n@step\ndef only(self):\n    pass\n")
    said = {decorator.name: decorator.attributes for decorator in dag["only"].decorators}
    assert said["resources"]["cpu"] == 2
    assert said["environment"]["vars"] == {"A": "b"}
    assert dag.problems == ()


@pytest.mark.parametrize(
    ("decorators", "packages"),
    [
        ("@resources(cpu=2)", None),
        ("@pypi(packages={'x': '1.2', 'y': '>=1,<2', 'z': ''})", StepPackages(("x==1.2", "y>=1,<2", "z"))),
        (
            "@pypi(packages={'x': '@git+https://g/x'}, python='3.10.2')",
            StepPackages(("x@git+https://g/x",), "3.10.2"),
        ),
        ("@conda(python='3.12')\n@pypi(packages={'x': '1'})", StepPackages(("x==1",), "3.12")),
        ("@conda(python='3.12')", StepPackages((), "3.12")),
        ("@conda\n@pypi(packages={'x': '1'}, disabled=True)", None),
    ],
)
def test_packages_are_written_as_pip_reads_them(
    read: Read, decorators: str, packages: StepPackages | None
) -> None:
    dag = read(f"{decorators}\n@step\ndef only(self):\n    pass\n")
    assert dag["only"].needs.packages == packages
    assert dag.problems == ()


def test_resources_are_amounts(read: Read) -> None:
    dag = read("@resources(cpu=2, memory='4096', gpu='0')\n@step\ndef only(self):\n    pass\n")
    assert dag["only"].needs.resources == {"cpu": 2, "memory": 4096}


def test_a_gang_whose_nodes_are_jobs_says_how_long_they_wait(read: Read) -> None:
    steps = """
        @step
        def start(self):
            self.next(self.crew, num_parallel=2)
        @windmill({said})
        @parallel
        @step
        def crew(self):
            self.next(self.done)
        @step
        def done(self, inputs):
            self.next(self.end)
        @step
        def end(self):
            pass
        """
    waits = {
        said: read(steps.replace("{said}", said))["crew"].needs.gather
        for said in ("", "gather_timeout=9", "job_per_node=True", "job_per_node=1, gather_timeout='9'")
    }
    assert list(waits.values()) == [None, None, 300, 9]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("job_per_node=True", "job_per_node is for a step with @parallel"),
        ("job_per_node='often'", "job_per_node takes True or False, not 'often'"),
        ("gather_timeout=0", "gather_timeout takes a whole number of seconds, 1 or more, not 0"),
        ("timeout='soon'", "timeout takes a whole number of seconds, 1 or more, not 'soon'"),
    ],
)
def test_what_a_step_cannot_ask_of_windmill_is_refused(said: str, told: str) -> None:
    asked = WindmillDecorator(eval(f"dict({said})"), statically_defined=True)
    graph: Json = {"work": SimpleNamespace(parallel_step=False)}
    with pytest.raises(MetaflowException) as refused:
        asked.step_init(None, graph, "work", None, None, None, None)
    assert told in str(refused.value.message)
