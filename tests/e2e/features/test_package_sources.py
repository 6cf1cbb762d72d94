"""``@package_sources``: a flow whose steps import code of another folder, from a file and from git."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import metaflow
import pytest
from tests.support.deployed import Deployed
from tests.support.git_repository import new_repository
from tests.support.oracle import Home
from tests.support.workspace import Workspace, flow_file, outcomes, reasons

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.deployed import Target

pytestmark = [
    pytest.mark.metaflow,
    pytest.mark.skipif(not hasattr(metaflow, "package_sources"), reason="Metaflow before 2.19.39"),
]

FLOW = """\
from metaflow import FlowSpec, package_sources, step
{above}

@package_sources({sources})
class {name}(FlowSpec):
    @step
    def start(self):
        from forecasting import model

        self.said = model.predict()
        self.next(self.end)

    @step
    def end(self):
        import vendor.tool

        self.said += vendor.tool.WORD


if __name__ == "__main__":
    {name}()
"""
MODEL = """\
from pathlib import Path


def predict():
    return Path(__file__).with_name("word.txt").read_text()
"""
CODE = {
    "src/forecasting/__init__.py": "",
    "src/forecasting/model.py": MODEL,
    "src/forecasting/word.txt": "sun",
    "tools/tool.py": "WORD = 'shine'\n",
    "tools/secret.key": "not to be packaged",
}
SOURCES = "['../src/forecasting', ('../tools', 'vendor')], suffixes=['.py', '.txt']"
LINK = "import os\nos.symlink('{}', '{}')"


def outside(name: str, source: str, above: str = "") -> str:
    return flow_file(name, more=f"from metaflow import package_sources\n{above}").replace(
        "class ", f"@package_sources({source})\nclass "
    )


def taking(name: str, sources: str = SOURCES, above: str = "") -> str:
    return FLOW.format(name=name, sources=sources, above=above)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    for name, text in CODE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "flows").mkdir()
    return Home(tmp_path)


def test_steps_have_the_code_of_other_folders_that_no_worker_sees(home: Home, windmill: Target) -> None:
    flow = Deployed(home, windmill, home.write("flows/taking", taking("TakingFlow")), "TakingFlow")
    flow.create()
    ran = flow.run()
    shutil.rmtree(home.root / "src")
    shutil.rmtree(home.root / "tools")
    for run in (ran, flow.trigger()):
        seen = flow.finish(run)
        assert seen.successful, seen.log
        assert seen.at("end").artifacts["said"] == "'sunshine'"
    said = flow.command("create")
    assert said.returncode
    assert "package_sources source does not exist: ../src/forecasting" in said.stdout + said.stderr


def test_what_does_not_come_along_is_told(home: Home, windmill: Target) -> None:
    (home.root / "flows/forecasting").mkdir()
    (home.root / "flows/forecasting/model.py").write_text("def predict(): return 'rain'\n")
    text = taking("TakingLessFlow", "['../src/forecasting', '../tools/secret.key']")
    flow = Deployed(home, windmill, home.write("flows/less", text), "TakingLessFlow")
    said = flow.command("create")
    assert not said.returncode, said.stderr
    assert "takes in forecasting/model.py, and the folder of the flow has files" in said.stderr
    assert "finds no file to take in at '../tools/secret.key'" in said.stderr


def test_a_flow_from_git_takes_in_what_its_commit_holds_and_nothing_else(
    place: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "outside.py").write_text("WORD = 'a secret of the worker'\n")
    # At the top of the file it has to be there when the flow is compiled, too.
    early = "import forecasting.model\nimport vendor.tool\n"
    origin = new_repository(
        tmp_path / "host/taking.git",
        {
            **CODE,
            "flows/taking.py": taking("TakingFromGitFlow", above=early),
            "flows/absolute.py": outside("AbsoluteFlow", f"'{tmp_path}/outside.py'"),
            "flows/above.py": outside("AboveFlow", "'../../../../..'"),
            "flows/linked.py": outside("LinkedFlow", "'../here'", LINK.format(tmp_path, "../here")),
            "flows/inside.py": outside(
                "InsideFlow", "'../more'", LINK.format(tmp_path / "outside.py", "../more/x.py")
            ),
            "more/y.py": "",
        },
    )
    job = place.deploy(repo={"url": origin.url}, folder="f/taking")
    assert outcomes(job) == {
        "TakingFromGitFlow": "created",
        "AbsoluteFlow": "failed",
        "AboveFlow": "failed",
        "LinkedFlow": "failed",
        "InsideFlow": "failed",
    }
    told = reasons(job)
    for source in (f"{tmp_path}/outside.py", "../../../../..", "../here"):
        assert f"@package_sources takes '{source}', which is outside of the repository" in told
    assert "/x.py', which leads outside of the repository" in told
    assert {file.name for file in (place.store / ".metaflow").glob("*Flow")} & set(outcomes(job)) == {
        "TakingFromGitFlow"
    }
    run = place.run("f/taking/TakingFromGitFlow")
    assert run["success"], run["result"]
    origin.commit({f"flows/{name}.py": None for name in ("absolute", "above", "linked", "inside")})
    again = place.deploy(repo={"url": origin.url}, folder="f/taking")
    assert outcomes(again) == {"TakingFromGitFlow": "unchanged"}
    origin.commit({"tools/tool.py": "WORD = 'light'\n"})
    changed = place.deploy(repo={"url": origin.url}, folder="f/taking")
    assert outcomes(changed) == {"TakingFromGitFlow": "updated"}
