"""Runs that go on from another run: what is cloned, what runs, and what a person reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed
from tests.support.flow_commands import Commands
from tests.support.oracle import Home, compare, run_locally
from tests.support.recorded import known_local_run
from tests.support.server import wait_until

if TYPE_CHECKING:
    from tests.support.deployed import Target
    from tests.support.oracle import RunSeen

    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow

FLOWS = Path(__file__).parent / "flows"
MEMBERS = ["member 0 0", "member 0 1", "member 1 0", "member 1 1"]
TO_THE_MEETING = ["turn 0", "turn 1", "turn 2", "choose", "right", "meet"]
ADDED = """
    @step
    def added(self):
        self.seen = self.extra
        self.next(self.end)

"""
BEFORE = """
    @step
    def before(self):
        self.next(self.work)

"""


@dataclass(frozen=True)
class Notes:
    """What the tasks of `resumed.py` wrote down, and which of them fail."""

    directory: Path

    @classmethod
    def at(cls, directory: Path, *broken: str) -> Notes:
        directory.mkdir()
        notes = cls(directory)
        notes.break_(*broken)
        return notes

    def break_(self, *places: str) -> None:
        """Say which tasks fail from now on."""
        (self.directory / "broken").write_text("\n".join(places), encoding="utf-8")

    def ran(self) -> list[str]:
        """Return what ran since the last question, in no order."""
        file = self.directory / "ran"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        file.unlink(missing_ok=True)
        return sorted(text.splitlines())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(scope="module")
def short(windmill: Target, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """A deployed flow whose code does not change."""
    deployed = Deployed(Home(tmp_path_factory.mktemp("short")), windmill, FLOWS / "short.py", "Short")
    deployed.create()
    return deployed


def resume(deployed: Deployed, *words: str) -> str:
    """Resume without waiting; return the new run's id."""
    file = deployed.home.root / "resumed"
    done = deployed.command("resume", "--no-wait", f"--run-id-file={file}", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return file.read_text(encoding="utf-8").strip()


def origins(deployed: Deployed, run_id: str) -> dict[str, Json]:
    """Return for each task of a run what Metaflow's client says that it was cloned from."""
    code = (
        "import json, sys; from metaflow import Run, namespace; namespace(None); run = Run(sys.argv[1])\n"
        "print(json.dumps({'run': run.origin_pathspec, **{f'{s.id}/{t.id}': t.origin_pathspec "
        "for s in run for t in s}}))"
    )
    done = deployed.home.python("-c", code, f"{deployed.name}/{run_id}")
    assert done.returncode == 0, done.stderr
    found: dict[str, Json] = json.loads(done.stdout)
    return found


def differences(local: RunSeen, resumed: RunSeen) -> list[str]:
    """Compare, but for the parents: Metaflow's client does not find those of what it has cloned in a loop."""
    return [line for line in compare(local, resumed) if "the set of parents" not in line]


def artifact(seen: RunSeen, step: str, name: str) -> str:
    return seen.at(step).artifacts[name].strip("'")


@pytest.mark.slow
def test_loops_a_recursion_and_a_switch_twice_over(home: Home, windmill: Target, tmp_path: Path) -> None:
    notes = Notes.at(tmp_path / "notes", "member 1 0")
    deployed = Deployed(home, windmill, FLOWS / "resumed.py", "Resumed")
    deployed.create()
    first = deployed.trigger("--notes", str(notes.directory))
    assert not deployed.finish(first).successful
    assert notes.ran() == sorted(["start", "group 0", "group 1", *MEMBERS, "gather_members 0"])

    notes.break_("meet")
    second = resume(deployed, first)
    assert not deployed.finish(second).successful
    assert notes.ran() == sorted(["member 1 0", "gather_members 1", "gather_groups", *TO_THE_MEETING])

    notes.break_()
    third = resume(deployed, second)
    seen = deployed.finish(third)
    assert notes.ran() == ["end", "meet"]
    local = known_local_run(home, deployed.flow, "Resumed", "--notes", str(notes.directory))
    assert differences(local, seen) == []
    assert artifact(seen, "gather_groups", "made") == "[['a1', 'a2'], ['b1', 'b2']]"
    found = origins(deployed, third)
    assert found["run"] == f"Resumed/{second}"
    assert found["meet/t"] is found["end/t"] is None
    assert found["member/t-1-0"] == f"Resumed/{second}/member/t-1-0"
    assert found["turn/t.2"] == f"Resumed/{second}/turn/t.2"
    clone = deployed.step_job(third, "gather_groups")
    assert clone.labels == ("cloned",)
    assert clone.result["cloned"] == f"{second}/gather_groups/t"
    assert f"cloned from {second}/gather_groups/t" in windmill.client.job_logs(clone.id)


@pytest.mark.slow
def test_a_run_of_metaflow_s_own_runtime(home: Home, windmill: Target, tmp_path: Path) -> None:
    notes = Notes.at(tmp_path / "notes", "meet", "member 0 1")
    flow = FLOWS / "resumed.py"
    assert not run_locally(home, flow, "Resumed", "--notes", str(notes.directory)).successful
    notes.break_("meet")
    done = home.python(flow, "--no-pylint", "resume")
    assert "meet is broken" in done.stdout + done.stderr
    notes.ran()

    notes.break_()
    deployed = Deployed(home, windmill, flow, "Resumed")
    deployed.create()
    runs = [int(entry.name) for entry in (home.root / ".metaflow/Resumed").iterdir() if entry.name.isdigit()]
    newest = max(runs)
    run_id = resume(deployed, f"Resumed/{newest}")
    seen = deployed.finish(run_id)
    assert notes.ran() == ["end", "meet"]
    found = origins(deployed, run_id)
    assert found["run"] == f"Resumed/{newest}"
    assert found["turn/t.1"].startswith(f"Resumed/{newest}/turn/")
    local = known_local_run(home, flow, "Resumed", "--notes", str(notes.directory))
    assert differences(local, seen) == []


@pytest.mark.slow
@pytest.mark.parametrize("where", ["windmill", "local"])
def test_a_gang(home: Home, windmill: Target, tmp_path: Path, where: str) -> None:
    notes = Notes.at(tmp_path / "notes", "end")
    deployed = Deployed(home, windmill, FLOWS / "resumed_gang.py", "ResumedGang")
    deployed.create()
    given = ("--notes", str(notes.directory))
    if where == "windmill":
        first = deployed.trigger(*given)
        assert not deployed.finish(first).successful
    else:
        assert not run_locally(home, deployed.flow, "ResumedGang", *given).successful
        first = (home.root / "resumed_gang.local").read_text(encoding="utf-8")
    assert notes.ran() == ["end", "gather", "start", "train 0", "train 1", "train 2"]

    notes.break_()
    seen = deployed.finish(resume(deployed, first, "--step-to-rerun", "gather"))
    assert notes.ran() == ["end", "gather"]
    assert seen.count("train") == 3
    assert artifact(seen, "gather", "ranks") == "[0, 1, 2]"
    assert differences(known_local_run(home, deployed.flow, "ResumedGang", *given), seen) == []


def test_a_run_that_succeeded_from_a_step_on_with_a_new_parameter(short: Deployed) -> None:
    first = short.trigger()
    assert short.finish(first).successful
    said = Commands(short.home, short.target, short.flow)(
        "resume", "--step-to-rerun", "work", "--bad", "true"
    )
    assert said.status == 1
    assert f"Resuming Short/{first} with the code that tester deployed on" in said.err
    assert "start/t cloned after" in said.err
    assert "failed at work/t: RuntimeError: told to be bad" in said.err
    latest = next(short.target.client.list_runs("f/flows/Short")).id
    seen = short.finish(f"windmill-{latest}")
    assert artifact(seen, "start", "began") == first
    assert (seen.at("start").artifacts["bad"], seen.at("work").artifacts["bad"]) == ("False", "True")


def test_all_of_a_run_that_succeeded_is_cloned(short: Deployed) -> None:
    first = short.trigger()
    short.finish(first)
    second = resume(short, first)
    seen = short.finish(second)
    assert seen.finished
    assert {artifact(seen, "work", "worked"), artifact(seen, "end", "ended")} == {first}
    assert origins(short, second)["end/t"] == f"Short/{first}/end/t"


def test_a_run_that_was_stopped(short: Deployed, tmp_path: Path) -> None:
    first = short.trigger("--wait-for", str(tmp_path / "never"))
    wait_until((tmp_path / "never.waiting").exists, 60, "the step work did not begin")
    refused = short.command("resume", first)
    assert f"{first} is not over yet; wait for it, or stop it with `python " in refused.stderr
    assert short.command("terminate", first).returncode == 0
    assert short.wait(first).state.value == "CANCELED"
    second = resume(short, first, "--wait-for", "")
    seen = short.finish(second)
    assert (artifact(seen, "start", "began"), artifact(seen, "work", "worked")) == (first, second)
    assert (artifact(seen, "end", "ended"), artifact(seen, "end", "origin")) == (second, first)


def test_changed_code_of_later_steps_is_run(home: Home, windmill: Target) -> None:
    text = (FLOWS / "short.py").read_text(encoding="utf-8").replace("class Short", "class Changing")
    deployed = Deployed(
        home, windmill, home.write("changing", text.replace(" Short()", " Changing()")), "Changing"
    )
    deployed.create()
    first = deployed.trigger("--bad", "true")
    assert not deployed.finish(first).successful

    changed = deployed.flow.read_text(encoding="utf-8")
    changed = changed.replace('raise RuntimeError("told to be bad")', "self.mended = True")
    changed = changed.replace("self.next(self.end)", "self.next(self.added)")
    changed = changed.replace("    @step\n    def end", ADDED + "    @step\n    def end")
    changed = changed.replace("    bad =", '    extra = Parameter("extra", default="new")\n    bad =')
    deployed.flow.write_text(changed, encoding="utf-8")
    deployed.create()
    second = resume(deployed, first)
    seen = deployed.finish(second)
    assert seen.successful
    assert artifact(seen, "start", "began") == first
    assert artifact(seen, "work", "mended") == "True"
    assert artifact(seen, "added", "seen") == "new"

    changed = changed.replace("self.next(self.work)", "self.next(self.before)")
    changed = changed.replace("    @step\n    def work", BEFORE + "    @step\n    def work")
    deployed.flow.write_text(changed, encoding="utf-8")
    deployed.create()
    third = deployed.finish(resume(deployed, second))
    assert artifact(third, "start", "began") == first, "what comes before the new step is cloned"
    assert artifact(third, "work", "worked") != second, "what follows it runs anew"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (
            ["windmill-0198c0de-0000-7000-8000-000000000000"],
            "There is no run windmill-0198c0de-0000-7000-8000",
        ),
        (["windmill-nonsense"], "windmill-nonsense is no run on Windmill; the id of one looks like"),
        (["4711"], "There is no run 4711 of Short in the datastore of the deployed flow"),
        (["Other/12"], "Other/12 is a run of Other, and only a run of Short can be resumed here"),
        (["--step-to-rerun", "stop"], "The deployed flow has no step 'stop'; its steps are start, work, end"),
        (["--bad", "perhaps"], "The parameter 'bad' takes true or false, not 'perhaps'"),
        (["12", "--origin-run-id", "13"], "give RUN or --origin-run-id, not both"),
    ],
)
def test_what_cannot_be_resumed(short: Deployed, words: list[str], wanted: str) -> None:
    if not list(short.target.client.list_runs("f/flows/Short")):
        short.finish(short.trigger())
    before = len(list(short.target.client.list_runs("f/flows/Short")))
    said = Commands(short.home, short.target, short.flow).refused("resume", *words)
    assert wanted in said
    assert len(list(short.target.client.list_runs("f/flows/Short"))) == before


def test_a_flow_without_a_run_and_a_run_of_another_flow(
    home: Home, windmill: Target, short: Deployed
) -> None:
    text = (FLOWS / "short.py").read_text(encoding="utf-8").replace("class Short", "class Unrun")
    flow = home.write("unrun", text.replace(" Short()", " Unrun()"))
    commands = Commands(home, windmill, flow)
    commands.well("create")
    assert "f/flows/Unrun has no run yet; say which run to resume" in commands.refused("resume")
    run_id = short.trigger()
    short.finish(run_id)
    refused = commands.refused("resume", run_id)
    assert f"{run_id} is a run of Short, and only a run of Unrun can be resumed here" in refused


def test_a_run_that_kept_nothing_is_not_resumed(short: Deployed) -> None:
    """The start step looks again, for a client that does not see the datastore."""
    args = {"$resume": {"run": "4711", "steps": [], "parameters": []}}
    job = short.target.client.run_flow("f/flows/Short", args, "0198c0de-1111-7000-8000-000000000000")
    error = short.wait(f"windmill-{job}").result["error"]
    assert error["name"] == "RetryNotAllowed"
    assert error["message"].startswith("There is nothing of the run 4711 of Short in the datastore")


def test_by_the_deployer(short: Deployed) -> None:
    first = short.trigger("--bad", "true")
    short.wait(first)
    code = f"""
import json
from metaflow import Deployer, namespace
from metaflow.runner.deployer import DeployedFlow
namespace(None)
found = DeployedFlow.from_deployment("f/flows/Short", impl="windmill")
run = found.resume(origin_run_id={first!r}, bad=False)
run.wait_for_completion(check_interval=0.2)
again = found.resume(step_to_rerun="end")
again.wait_for_completion(check_interval=0.2)
told = [run.status, run.run.data.ended == run.run.id, again.status, again.run.origin_pathspec == run.pathspec]
try:
    found.resume(origin_run_id="windmill-nonsense")
except RuntimeError as why:
    told.append("is no run on Windmill" in str(why))
print("TOLD", json.dumps(told))
"""
    done = short.home.python("-c", code, env=short.target.environment)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.split("TOLD")[1])
    assert told == ["SUCCEEDED", True, "SUCCEEDED", True, True]
