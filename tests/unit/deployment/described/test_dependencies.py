"""The code of steps that require packages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.small_dags import small_dag

from metaflow_windmill.deployment.described.dependencies import codes_of, merged
from metaflow_windmill.errors import PackageError
from metaflow_windmill.graph import Needs, StepPackages
from metaflow_windmill.package.script import split_requirements, with_requirements

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.graph import Dag

SCRIPT = '"""The code of every step."""\n\ndef main(): ...\n'


def dag_with(**packages: StepPackages) -> Dag:
    dag = small_dag(start="a", a="b", b="end", end="")
    steps = (replace(step, needs=Needs(packages=packages.get(step.name))) for step in dag.steps)
    return replace(dag, steps=tuple(steps))


def test_a_flow_that_asks_for_nothing_keeps_its_lock() -> None:
    assert codes_of(dag_with(a=StepPackages()), SCRIPT, "local", None) == {}


def test_what_a_step_asks_for_stands_at_the_top_of_its_code() -> None:
    dag = dag_with(a=StepPackages(("Pandas==2", "requests<3"), "3.12"), b=StepPackages((), "3.11.9"))
    codes = codes_of(dag, SCRIPT, "s3", None)
    assert set(codes) == {"a", "b"}
    head = "# py: ==3.12.*\n# requirements:\n#boto3\n#pandas==2\n#requests<3\n\n"
    assert (codes["a"].content, codes["a"].lock) == (head + SCRIPT, None)
    assert codes["b"].content.startswith("# py: ==3.11.9\n# requirements:\n#boto3\n#requests\n\n")


def test_a_version_of_python_may_end_in_a_star() -> None:
    asked = [
        codes_of(dag_with(a=StepPackages((), python)), SCRIPT, "local", None) for python in ("3.12.*", "3.12")
    ]
    assert asked[0] == asked[1]


def test_all_steps_get_what_the_file_says_and_their_own_last(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("numpy>=2\npandas\nold; python_version < '3.12'\n")
    own = StepPackages(("pandas==2.1",), "3.12")
    codes = codes_of(dag_with(a=own, b=own, end=StepPackages((), "3.11")), SCRIPT, "local", file)
    assert split_requirements(codes["a"].content).lines == ("numpy>=2", "pandas==2.1", "requests")
    assert split_requirements(codes["end"].content).lines == ("numpy>=2", "old", "pandas", "requests")
    assert codes["a"] == codes["b"]
    assert len({code.content for code in codes.values()}) <= 3


def test_a_package_that_pip_does_not_know() -> None:
    with pytest.raises(PackageError, match="@pypi of the step 'a' asks for 'x==1 2'"):
        codes_of(dag_with(a=StepPackages(("x==1 2",))), SCRIPT, "local", None)


def test_the_last_word_on_a_package_counts() -> None:
    assert merged(("b", "a==1"), ("a[x]==2",)) == ("a[x]==2", "b")


def test_requirements_are_found_again_at_the_top_of_a_script() -> None:
    (code,) = codes_of(dag_with(a=StepPackages(("x",))), SCRIPT, "local", None).values()
    found = split_requirements(code.content)
    assert (found.script, found.lines) == (SCRIPT, ("requests", "x"))
    assert with_requirements(*found) == code.content
    assert split_requirements(SCRIPT) == (SCRIPT, (), "")
    assert split_requirements("# requirements:\n#x\n\n" + SCRIPT).lines == ()
