"""What a task knows of itself, and what others find of its run: in a deployed run as in a local one."""

from __future__ import annotations

from ast import literal_eval
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.flow_commands import Commands
from tests.support.oracle import Home, RunSeen

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = [pytest.mark.metaflow, pytest.mark.slow]

FLOW = Path(__file__).with_name("flows") / "known.py"
CHOSEN = ("--tag", "mine", "--tag", "other", "--namespace", "user:bob")
DIFFERS = {"run_id", "task_id", "pathspec", "namespace", "system_tags"}
READ_CODE = """
from pathlib import Path
from metaflow import Run, namespace
namespace({namespace!r})
run, own = Run({run!r}), Path("known.py").read_bytes()
with run.code.extract() as folder:
    print(Path(folder, "known.py").read_bytes() == own)
print(run.code.flowspec in {{own, own.decode()}}, run.code.path == run["end"].task.code.path)
"""


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory, windmill: Target) -> Commands:
    home = Home(tmp_path_factory.mktemp("identity"))
    return Commands(home, windmill, home.write("known", FLOW.read_text()), top=("--production",))


@pytest.fixture(scope="module")
def local(commands: Commands) -> RunSeen:
    file = commands.home.root / "local"
    line = ("--quiet", "--no-pylint", "--production", "run", *CHOSEN, "--run-id-file", str(file))
    done = commands.home.python(commands.flow, *line)
    assert done.returncode == 0, done.stdout + done.stderr
    return read(commands, file.read_text())


@pytest.fixture(scope="module")
def run(commands: Commands) -> str:
    file = commands.home.root / "id"
    commands.well("run", *CHOSEN, "--run-id-file", str(file))
    return file.read_text()


@pytest.fixture(scope="module")
def deployed(commands: Commands, run: str) -> RunSeen:
    return read(commands, run)


def read(commands: Commands, run: str) -> RunSeen:
    (seen,) = commands.home.read(f"KnownFlow/{run}")
    return seen


def artifact(seen: RunSeen, step: str, name: str) -> Any:
    return literal_eval(seen.at(step).artifacts[name])


def token(commands: Commands) -> str:
    value = commands.target.client.get_flow("f/flows/identity/prod/KnownFlow").value
    return str(value["flow_env"]["metaflow"]["token"])


@pytest.mark.parametrize("step", ["start", "join", "end"])
def test_current_says_what_it_says_in_a_local_run(step: str, local: RunSeen, deployed: RunSeen) -> None:
    ours, theirs = artifact(deployed, step, "told"), artifact(local, step, "told")
    assert {name: ours[name] for name in ours.keys() - DIFFERS} == {
        name: theirs[name] for name in theirs.keys() - DIFFERS
    }
    assert theirs["tags"] == ["mine", "other"]
    assert theirs["project_flow_name"] == "identity.prod.KnownFlow"
    assert theirs["get_namespace"] == "user:bob"
    assert theirs["is_a_task"]


def test_current_names_the_task_of_the_deployed_run(commands: Commands, run: str, deployed: RunSeen) -> None:
    told = artifact(deployed, "end", "told")
    assert (told["run_id"], told["task_id"], told["pathspec"]) == (run, "t", f"KnownFlow/{run}/end/t")
    assert told["namespace"] == f"production:{token(commands)}"
    assert token(commands).startswith("mfprj-")


def test_nodes_of_a_gang_know_their_place(local: RunSeen, deployed: RunSeen) -> None:
    for seen in (local, deployed):
        nodes, places = artifact(seen, "join", "nodes"), artifact(seen, "join", "places")
        control = nodes[0]["task_id"]
        assert [place[1:] for place in places] == [(2, 0, control), (2, 1, control)]
        assert {place[0] for place in places} == {"127.0.0.1"}
        assert all(node["is_a_task"] for node in nodes)
        assert nodes[1]["task_id"] == f"{control}_node_1"


def test_current_card_takes_parts(local: RunSeen, deployed: RunSeen) -> None:
    for seen in (local, deployed):
        assert artifact(seen, "start", "card") == "CardComponentCollector"
        assert artifact(seen, "start", "card_kept")


def test_a_run_has_the_tags_of_its_deployment(commands: Commands, local: RunSeen, deployed: RunSeen) -> None:
    ours, theirs = (set(artifact(seen, "end", "told")["system_tags"]) for seen in (deployed, local))
    assert theirs - ours == {"runtime:dev", "user:tester"}
    assert ours - theirs == {"runtime:windmill", f"production:{token(commands)}"}
    assert {"project:identity", "project_branch:prod"} <= ours


def test_the_client_gets_the_code_of_a_run(commands: Commands, run: str, deployed: RunSeen) -> None:
    script = READ_CODE.format(namespace=f"production:{token(commands)}", run=f"KnownFlow/{run}")
    done = commands.home.python("-c", script)
    assert done.stdout.split() == ["True", "True", "True"], done.stdout + done.stderr
