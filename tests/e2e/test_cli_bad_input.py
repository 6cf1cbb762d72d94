"""Bad input gets one clear sentence and exit status 1, and nothing is half done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.flow_commands import Commands
from tests.support.oracle import Home
from tests.support.scripted_server import Answer, answer, scripted_server

from metaflow_windmill.terminal.python_words import FROM_PYTHON

if TYPE_CHECKING:
    from tests.support.deployed import Target

pytestmark = pytest.mark.metaflow

FLOW = """
from metaflow import FlowSpec, Parameter, step


class AskingFlow(FlowSpec):
    alpha = Parameter("alpha", type=int, required=True)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    AskingFlow()
"""
PATH = "f/flows/AskingFlow"


@pytest.fixture(scope="module")
def commands(windmill: Target, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    home = Home(tmp_path_factory.mktemp("home"))
    return Commands(home, windmill, home.write("asking", FLOW))


@pytest.fixture(scope="module")
def deployed(commands: Commands) -> Commands:
    commands.well("create", "--folder", "f/asked")
    return commands


def test_no_option_before_the_command_is_dropped(commands: Commands) -> None:
    said = replace(commands, top=("--with", "retry")).refused("trigger", "--alpha", "1")
    assert "--with means nothing to the command trigger: it is settled when the flow is deployed" in said


def nothing_there(commands: Commands) -> bool:
    return not commands.target.client.flow_exists(PATH)


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        (
            {"WINDMILL_TOKEN": ""},
            "set WINDMILL_TOKEN or give --windmill-token; tokens are made in",
        ),
        ({"WINDMILL_TOKEN": "wrong"}, "does not know this token; make one in its account settings"),
        ({"WINDMILL_TOKEN": "a\nb"}, "The Windmill token has blanks or characters that no token has"),
        (
            {"WINDMILL_HOST": "http://127.0.0.1:9"},
            "Windmill at http://127.0.0.1:9 does not answer: the connection was refused",
        ),
        (
            {"WINDMILL_HOST": "http://127.0.0.1:9", "WINDMILL_TOKEN": ""},
            "Start a Windmill on this machine with `metaflow-windmill dev`",
        ),
        ({"WINDMILL_HOST": "windmill"}, "The Windmill host 'windmill' is not an address; write it like"),
        ({"WINDMILL_WORKSPACE": "nowhere"}, "There is no workspace 'nowhere' on http://"),
        ({"METAFLOW_WINDMILL_FOLDER": "flows"}, "'flows' is not a folder of Windmill; write it like f/flows"),
        ({"METAFLOW_WINDMILL_FOLDER": "f/metaflow"}, "f/metaflow holds this library's own scripts"),
        ({"METAFLOW_DATASTORE_SYSROOT_LOCAL": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
def test_where_and_who(commands: Commands, env: dict[str, str], sentence: str) -> None:
    assert sentence in commands.refused("create", env=env)
    assert nothing_there(commands)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("create", "--name", "a b"), "'a b' cannot be the name of a deployment"),
        (("create", "--max-workers", "0"), "--max-workers must be 1 or more, not 0"),
        (("create", "--max-workers", "many"), "many is not a valid integer"),
        (("create", "--nonsense"), "no such option: --nonsense"),
        (("create", "--tag", "x" * 600), "too long"),
        (("trigger", "--alpha", "1"), f"AskingFlow is not deployed at {PATH} in the workspace"),
        (("run",), "The parameter 'alpha' is required and takes a whole number; give it with --alpha"),
        (("run", "--alpha", "x"), "The parameter 'alpha' takes a whole number, not 'x'."),
        (
            ("run", "--alpha", "1", "--run-params-file", "none.json"),
            "The parameters in none.json cannot be read",
        ),
    ],
)
def test_what(commands: Commands, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in commands.refused(*words)
    assert nothing_there(commands)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "The parameter 'alpha' is required and takes a whole number; give it with --alpha"),
        (("--alpha", "1.5"), "The parameter 'alpha' takes a whole number, not '1.5'."),
        (("--run-param", "alpha=one"), "The parameter 'alpha' takes a whole number, not 'one'."),
        (("--run-param", "beta=1"), "The deployed flow has no parameter 'beta'; it has alpha."),
        (("--run-param", "alpa=1"), "The deployed flow has no parameter 'alpa'; did you mean 'alpha'?"),
        (("--run-param", "alpha"), "--run-param takes name=value, not 'alpha'."),
        (("--beta", "1"), "no such option: --beta"),
        (("--alpha", "1", "--run-id-file", "no/id"), "The run's id cannot be written to no/id: No such file"),
    ],
)
def test_parameters(deployed: Commands, words: tuple[str, ...], sentence: str) -> None:
    said = deployed.refused("--folder", "f/asked", "trigger", *words)
    assert sentence in said
    assert not list(deployed.target.client.list_runs("f/asked/AskingFlow"))


def test_a_flow_that_metaflow_refuses(commands: Commands) -> None:
    broken = FLOW.replace("self.next(self.end)", "pass").replace("AskingFlow", "BrokenFlow")
    flow = Commands(commands.home, commands.target, commands.home.write("broken", broken))
    assert "Validity checker found an issue" in flow.refused("create")
    assert not commands.target.client.flow_exists("f/flows/BrokenFlow")


def test_a_flow_that_cannot_run_on_windmill(commands: Commands) -> None:
    text = FLOW.replace("Parameter, step", "Parameter, retry, step").replace(
        "    @step", "    @retry(times=1, minutes_between_retries=500)\n    @step"
    )
    flow = Commands(commands.home, commands.target, commands.home.write("elsewhere", text))
    said = flow.refused("create")
    assert "AskingFlow cannot run on Windmill as it is:" in said
    assert "step 'start': @retry waits 500 minutes" in said
    assert "step 'end': @retry waits 500 minutes" in said
    assert nothing_there(commands)


def test_a_schedule_that_cannot_be_carried_over(commands: Commands) -> None:
    for schedule, sentence in (
        ("cron='0 22-2 * * *'", "The schedule '0 22-2 * * *' cannot be carried over to Windmill"),
        ("daily=True", "The flow has a schedule, and nobody gives its required parameters alpha then"),
    ):
        text = FLOW.replace("Parameter, step", "Parameter, schedule, step").replace(
            "class Asking", f"@schedule({schedule})\nclass Asking"
        )
        flow = Commands(commands.home, commands.target, commands.home.write("timed", text))
        assert sentence in flow.refused("create")
        assert nothing_there(commands)


def test_a_time_zone_that_nobody_knows(commands: Commands) -> None:
    text = FLOW.replace("Parameter, step", "schedule, step").replace(
        '    alpha = Parameter("alpha", type=int, required=True)\n', ""
    )
    text = text.replace("class Asking", "@schedule(timezone='Mars/Base')\nclass Asking")
    flow = Commands(commands.home, commands.target, commands.home.write("martian", text))
    said = flow.refused("create")
    assert "POST /api/schedules/preview was answered with status 400" in said
    assert "failed to parse timezone" in said
    assert nothing_there(commands)


def test_a_flow_file_that_does_not_import(commands: Commands) -> None:
    file = commands.home.write("absent", f"import no_such_module\n{FLOW}")
    flow = Commands(commands.home, commands.target, file)
    said = flow("create")
    assert said.status == 1
    assert said.err.strip().endswith("ModuleNotFoundError: No module named 'no_such_module'")


def test_the_flow_of_somebody_else(commands: Commands) -> None:
    client = commands.target.client
    client.create_folder("theirs")
    client.create_flow({"path": "f/theirs/taken", "summary": "", "value": {"modules": []}, "schema": {}})
    said = commands.refused("create", "--folder", "f/theirs", "--name", "taken")
    assert "There is a flow at f/theirs/taken that Metaflow did not deploy; move it away in Windmill" in said
    assert client.get_flow("f/theirs/taken").value == {"modules": []}


ME = {"username": "alice", "email": "alice@example.com", "is_admin": True}


def test_a_server_that_is_too_old_is_refused_before_anything_is_done(commands: Commands) -> None:
    with scripted_server(answer(ME), Answer(200, "CE v1.500.0")) as old:
        said = commands.refused("create", env={"WINDMILL_HOST": old.url})
    assert f"Windmill at {old.url} is version 1.500.0, and 1.587 or newer is needed" in said
    assert said.endswith("upgrade the server.")
    assert [seen.path for seen in old.seen] == [
        f"/api/w/{commands.target.workspace}/users/whoami",
        "/api/version",
    ]


def test_the_deployer_is_told_what_one_does_in_python(commands: Commands) -> None:
    with scripted_server(Answer(200, "CE v1.788.0")) as server:
        nobody = {"WINDMILL_HOST": server.url, "WINDMILL_TOKEN": "", FROM_PYTHON: "1"}
        said = commands.refused("trigger", "--alpha", "1", env=nobody)
    assert 'os.environ["WINDMILL_TOKEN"] or pass windmill_token=... to Deployer(...).windmill()' in said
