"""Metaflow's Deployer on Windmill, in processes of its own, as a notebook or a script uses it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.deployed import Target
from tests.support.elsewhere import some_server
from tests.support.oracle import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.metaflow

FLOW = """
import time

from metaflow import FlowSpec, Parameter, step

QUOTED = "It's " + "'" * 3 + ' and "that" \\\\'


class NotebookFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5, help=QUOTED)
    words = Parameter("words", default="")

    @step
    def start(self):
        if self.alpha < 0:
            raise ValueError("negative")
        time.sleep(self.alpha if self.alpha > 3 else 0)
        self.size = len(self.words)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NotebookFlow()
"""

PROJECT = """
from metaflow import FlowSpec, project, schedule, step


@schedule(hourly=True)
@project(name="notebooks")
class BranchFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BranchFlow()
"""

HEAD = """
import json, os, sys
from metaflow import Deployer, DeployedFlow, Flow, Run, namespace
namespace(None)
SERVER = json.loads(sys.argv[1])
def tell(**values): print(json.dumps(values))
"""


class Notebook:
    """Runs Python text in a home, with the server in its arguments or in its environment."""

    def __init__(self, home: Home, target: Target) -> None:
        self.home, self.target = home, target
        home.write("notebook_flow", FLOW)
        home.write("branch_flow", PROJECT)

    def __call__(self, text: str, *, env: bool = True) -> Any:
        """Run a text; return what it tells. No file is left behind, whatever it did."""
        script = self.home.write("script", HEAD + text)
        temporary = self.home.root / "temporary"
        temporary.mkdir(exist_ok=True)
        target = self.target
        server = {
            "windmill_host": target.host,
            "windmill_token": target.token,
            "windmill_workspace": target.workspace,
        }
        variables = {"TMPDIR": str(temporary), **(self.target.environment if env else {})}
        done = self.home.python(script, json.dumps(server), env=variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert sorted(temporary.rglob("*")) == []
        return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def windmill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A server of these tests' own: listing all flows of a workspace takes its time with each of them."""
    with some_server(tmp_path_factory.mktemp("deployer")) as server:
        yield Target(server.url, server.token, server.workspace)


@pytest.fixture
def notebook(tmp_path: Path, windmill: Target) -> Notebook:
    return Notebook(Home(tmp_path), windmill)


def test_create_trigger_and_read(notebook: Notebook, windmill: Target) -> None:
    said = notebook(
        """
deployer = Deployer("notebook_flow.py", show_output=False).windmill()
flow = deployer.create(max_workers=2, tags=["mine"], workflow_timeout=600, workflow_title="Ours",
                       notify_on_error=False, incident_io_metadata=[], **SERVER)
run = flow.trigger(alpha=1.5, words="x" * 200_000)
run.wait_for_completion(check_interval=0.1, timeout=600)
seen = run.wait_for_run(timeout=60)
tell(name=flow.name, id=flow.id, token=flow.production_token, page=flow.windmill_ui, status=run.status,
     run_page=run.windmill_ui, running=run.is_running, pathspec=run.pathspec, successful=seen.successful,
     size=seen.data.size, alpha=seen.data.alpha, tags="mine" in seen.tags)
""",
        env=False,
    )
    assert said["name"] == "f/flows/NotebookFlow"
    assert json.loads(said["id"]) == {
        "path": "f/flows/NotebookFlow",
        "workspace": windmill.workspace,
        "host": windmill.host,
    }
    assert said["token"].startswith("notebookflow-0-")
    assert windmill.client.get_flow(said["name"]).summary == "Ours"
    assert said["page"] == f"{windmill.host}/flows/get/f/flows/NotebookFlow?workspace={windmill.workspace}"
    assert (said["status"], said["running"], said["successful"]) == ("SUCCEEDED", False, True)
    assert (said["size"], said["alpha"], said["tags"]) == (200_000, 1.5, True)
    job = said["pathspec"].removeprefix("NotebookFlow/windmill-")
    assert said["run_page"] == f"{windmill.host}/run/{job}?workspace={windmill.workspace}"


def test_a_run_that_fails_early_is_failed(notebook: Notebook) -> None:
    said = notebook("""
flow = Deployer("notebook_flow.py", show_output=False).windmill().create(name="early")
run = flow.trigger(alpha=-1.0)
run.wait_for_completion(check_interval=0.1, timeout=600)
tell(status=run.status, finished=run.run.finished, states=[r.status for r in flow.list_runs()],
     none=[r.status for r in flow.list_runs(states=["SUCCEEDED"])])
""")
    assert said == {"status": "FAILED", "finished": False, "states": ["FAILED"], "none": []}


def test_a_run_can_be_stopped(notebook: Notebook) -> None:
    said = notebook("""
flow = Deployer("notebook_flow.py", show_output=False).windmill().create(name="slow")
run = flow.trigger(alpha=600.0)
before = run.is_running
stopped = run.terminate()
run.wait_for_completion(check_interval=0.1, timeout=600)
tell(before=before, stopped=stopped, status=run.status)
""")
    assert said == {"before": True, "stopped": True, "status": "FAILED"}


def test_a_deployment_is_found_again_without_its_file(notebook: Notebook) -> None:
    notebook("""
flow = Deployer("notebook_flow.py", show_output=False).windmill().create(name="lost")
tell(id=flow.id)
""")
    (notebook.home.root / "notebook_flow.py").unlink()
    said = notebook("""
found = DeployedFlow.from_deployment("f/flows/lost", impl="windmill")
again = DeployedFlow.from_windmill(found.id)
run = again.trigger(alpha=2.0)
run.wait_for_completion(check_interval=0.1, timeout=600)
same = DeployedFlow.get_triggered_windmill_run("f/flows/lost", run.pathspec)
listed = [flow.name for flow in DeployedFlow.list_windmill("NotebookFlow")]
everything = [flow.flow_name for flow in DeployedFlow.list_deployed_flows(impl="windmill")]
deleted = again.delete()
try:
    DeployedFlow.from_windmill("f/flows/lost")
    gone = ""
except Exception as why:
    gone = str(why)
tell(name=found.name, flow=found.flow_name, status=same.status, alpha=same.run.data.alpha,
     listed=listed, everything=everything, deleted=deleted, gone=gone)
""")
    assert (said["name"], said["flow"]) == ("f/flows/lost", "NotebookFlow")
    assert (said["status"], said["alpha"]) == ("SUCCEEDED", 2.0)
    assert "f/flows/lost" in said["listed"]
    assert "NotebookFlow" in said["everything"]
    assert said["deleted"] is True
    assert "there is no deployed flow 'f/flows/lost'" in said["gone"]


CELLS = (
    """
from metaflow import Deployer, DeployedFlow
flow = Deployer("notebook_flow.py", show_output=False).windmill().create(name="shown")
flow
""",
    "run = flow.trigger(alpha=4.0)\nrun",
    "before = run._repr_html_()\nover = await run\nprint(before)",
    "flow.list_runs()",
    "DeployedFlow.list_windmill('NotebookFlow')",
    "print(run.run.successful, run.run['end'].task.data.size)",  # whatever namespace is set
)


def test_a_notebook_shows_what_there_is_and_follows_a_run(notebook: Notebook) -> None:
    said = notebook(f"""
import nbformat
from nbclient import NotebookClient
cells = [nbformat.v4.new_code_cell(text) for text in {CELLS!r}]
made = nbformat.v4.new_notebook(cells=cells)
NotebookClient(made, kernel_name="python3", timeout=600).execute()
nbformat.validate(made)
tell(outputs=[[output.get("data") or output["text"] for output in cell.outputs] for cell in made.cells])
""")
    (flow,), (run,), (before,), (runs,), (flows,), (read,) = said["outputs"]
    assert read == "True 0\n"
    assert ">NotebookFlow</a> at f/flows/shown" in flow["text/html"]
    assert "RUNNING</b>" in before or "PENDING</b>" in before
    assert "is <b>SUCCEEDED</b>" in run["text/html"], "what was shown before has followed the run"
    assert "parts done" not in run["text/html"]
    assert run["text/plain"].startswith("<WindmillTriggeredRun NotebookFlow/windmill-")
    assert "<caption>Runs of NotebookFlow: 1</caption>" in runs["text/html"]
    assert "SUCCEEDED" in runs["text/html"]
    assert "f/flows/shown" in flows["text/html"]
    assert "<Deployed flows named NotebookFlow: " in flows["text/plain"]


def test_projects_and_schedules(notebook: Notebook, windmill: Target) -> None:
    said = notebook("""
flow = Deployer("branch_flow.py", show_output=False, branch="try_it").windmill().create()
off = flow.suspend()
found = DeployedFlow.from_windmill("notebooks.test.try_it.BranchFlow")
run = found.trigger()
run.wait_for_completion(check_interval=0.1, timeout=600)
on = found.unsuspend()
tell(name=flow.name, found=found.name, off=off, on=on, status=run.status,
     tags=sorted(tag for tag in run.run.system_tags if tag.startswith("project")))
""")
    assert said["name"] == said["found"] == "f/flows/notebooks/test-try_it/BranchFlow"
    assert (said["off"], said["on"], said["status"]) == (True, True, "SUCCEEDED")
    assert said["tags"] == ["project:notebooks", "project_branch:test.try_it"]
    schedule = windmill.client.schedules.find(said["name"])
    assert schedule is not None
    assert schedule.enabled


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'Deployer("notebook_flow.py").windmill().create(folder="nonsense")',
            "'nonsense' is not a folder of Windmill",
        ),
        ('DeployedFlow.from_windmill("f/flows/nothing")', "there is no deployed flow 'f/flows/nothing'"),
        ('Deployer("notebook_flow.py").windmill().create(beta=1)', "Unknown argument: 'beta'"),
    ],
)
def test_what_goes_wrong_is_told(notebook: Notebook, text: str, sentence: str) -> None:
    said = notebook(f"""
try:
    {text}
except Exception as why:
    tell(error=str(why))
""")
    assert sentence in " ".join(said["error"].split())
