"""What the script does with the job's token, and what it asks with it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.oracle import ROOT
from tests.support.scripted_server import Answer, answer, scripted_server
from tests.support.snippets import output_of

from metaflow_windmill.contract.event import SUBSCRIPTION, end_event
from metaflow_windmill.package.body import windmill_api
from metaflow_windmill.package.body.children import later
from metaflow_windmill.package.body.failures import UntoldError
from metaflow_windmill.package.body.main import ends as run_ends
from metaflow_windmill.package.body.questions import asked, is_awaited
from metaflow_windmill.package.script import step_script
from metaflow_windmill.process.leftovers import children_of

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "the-secret-of-the-job"

TELL = """
    import json, os, subprocess, sys
    {before}
    from metaflow_windmill.package.body.token import take_token
    token = take_token()
    here = open("/proc/self/environ", "rb").read().decode()
    of_parent = "import os; print(open(f'/proc/{{os.getppid()}}/environ').read())"
    child = subprocess.run([sys.executable, "-c", of_parent], capture_output=True, text=True)
    own = subprocess.check_output(["env"], text=True)
    print(json.dumps([token, dict(os.environ), here, child.stdout, own]))
"""


@pytest.mark.parametrize(
    ("env", "before"),
    [
        ({"A": "1", "WM_TOKEN": SECRET, "NOT_WM_TOKEN": "kept"}, ""),
        ({"WM_TOKEN": SECRET}, ""),
        ({"WM_TOKEN": SECRET}, "os.environ['WM_TOKEN'] = os.environ['WM_TOKEN']"),
        ({"A": "WM_TOKEN=", "WM_TOKEN": SECRET}, ""),
    ],
    ids=["between others", "the first", "set again", "named by another"],
)
def test_the_token_is_taken_and_leaves_no_trace(tmp_path: Path, env: dict[str, str], before: str) -> None:
    token, *places = json.loads(output_of(TELL.format(before=before), tmp_path, env=env))
    assert token == SECRET
    assert SECRET not in json.dumps(places)
    environment, here, _, own = places
    for name, value in env.items():
        if name != "WM_TOKEN":
            assert environment[name] == value
            assert f"{name}={value}" in here
            assert f"{name}={value}" in own


def test_without_a_token_there_is_nothing_to_take(tmp_path: Path) -> None:
    assert json.loads(output_of(TELL.format(before=""), tmp_path))[0] == ""


LOOKED = """
for pid in PIDS:
    for name in ("environ", "mem", "maps"):
        try:
            open(f"/proc/{pid}/{name}", "rb").read(1)
        except PermissionError:
            print("closed", flush=True)
"""

LOOK = """
    import os, subprocess, sys
    from pathlib import Path
    from metaflow_windmill.package.body.token import take_token
    from metaflow_windmill.process.child import run_child
    from metaflow_windmill.runtime.output.log_streams import LogStream
    look = {looked!r}.replace("PIDS", str((os.getpid(), os.getppid())))
    take_token()
    def body():
        {how}
        return 0
    print(run_child(body, [LogStream(1, Path("stdout")), LogStream(2, Path("stderr"))]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into processes of more rights")
@pytest.mark.parametrize("how", ["exec(look)", "subprocess.run([sys.executable, '-c', look])"])
def test_a_task_cannot_look_into_those_who_began_it(tmp_path: Path, how: str) -> None:
    """Windmill's worker starts a job below a process whose environment holds the job's token."""
    assert output_of(LOOK.format(looked=LOOKED, how=how), tmp_path) == "closed\n" * 6 + "0\n"


JOB = answer({"scheduled_for": "2026-03-01T12:00:00Z", "started_at": "2026-03-01T12:00:01Z"})
SCHEDULED = {"WM_SCHEDULE_PATH": "f/s", "WM_ROOT_JOB_ID": "outermost", "WM_ROOT_FLOW_JOB_ID": "of-the-run"}


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("WM_SCHEDULE_PATH", "WM_ROOT_JOB_ID", "WM_FLOW_JOB_ID", "WM_ROOT_FLOW_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WM_WORKSPACE", "w")
    return monkeypatch


def test_the_first_job_asks_when_the_run_began_and_was_due(job: pytest.MonkeyPatch) -> None:
    with scripted_server(JOB, JOB) as server:
        for name, value in {**SCHEDULED, "BASE_INTERNAL_URL": f"{server.url}/"}.items():
            job.setenv(name, value)
        told = asked(SECRET, {"workflow_timeout": 60})
    assert told == {"began": "2026-03-01T12:00:01Z", "due": "2026-03-01T12:00:00Z"}
    began, due = server.seen
    assert began.path.startswith("/api/w/w/jobs_u/get/of-the-run?")
    assert due.path.startswith("/api/w/w/jobs_u/get/outermost?")
    assert began.headers["authorization"] == f"Bearer {SECRET}"


def test_nothing_is_asked_that_nobody_needs(job: pytest.MonkeyPatch) -> None:
    job.setenv("BASE_INTERNAL_URL", "http://127.0.0.1:9")
    assert asked(SECRET, {}) == {}


def test_a_server_that_does_not_tell_is_told_in_the_log(
    job: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with scripted_server(Answer(403)) as server:
        job.setenv("BASE_INTERNAL_URL", server.url)
        job.setenv("WM_FLOW_JOB_ID", "of-the-run")
        assert asked(SECRET, {"workflow_timeout": 60}) == {"began": None}
    assert "Windmill does not tell started_at of this run" in capfd.readouterr().err


def test_a_server_that_is_away_for_a_moment_is_asked_again(job: pytest.MonkeyPatch) -> None:
    """Else a run of yesterday, taken up after a restart of the server, would do the work of today."""
    with scripted_server(Answer(502), JOB) as server:
        job.setenv("BASE_INTERNAL_URL", server.url)
        job.setenv("WM_FLOW_JOB_ID", "of-the-run")
        assert asked(SECRET, {"workflow_timeout": 60}) == {"began": "2026-03-01T12:00:01Z"}


def test_a_server_that_stays_away_fails_the_job(job: pytest.MonkeyPatch) -> None:
    job.setattr(windmill_api, "PAUSES", (0, 0))
    job.setenv("BASE_INTERNAL_URL", "http://127.0.0.1:9")
    job.setenv("WM_FLOW_JOB_ID", "of-the-run")
    with pytest.raises(UntoldError, match="did not tell started_at of this run in 0 s"):
        asked(SECRET, {"workflow_timeout": 60})


DEPLOYMENT = {"flow": "F", "project": "p", "branch": "prod"}


@pytest.mark.parametrize(("found", "said"), [([], False), ([{"path": "f/x/y"}], True)])
def test_who_waits_for_the_end_of_a_run_is_one_question(
    job: pytest.MonkeyPatch, found: list[object], *, said: bool
) -> None:
    with scripted_server(answer(found)) as server:
        job.setenv("BASE_INTERNAL_URL", server.url)
        assert is_awaited(SECRET, DEPLOYMENT) is said
    (seen,) = server.seen
    query = parse_qs(urlsplit(seen.path).query)
    assert urlsplit(seen.path).path == "/api/w/w/resources/list"
    assert query["resource_type"] == [SUBSCRIPTION]
    assert json.loads(query["value"][0]) == {"events": [{"name": end_event("F", "p", "prod")}]}


@pytest.mark.parametrize("said", [Answer(403), Answer(502), Answer(drop=True), Answer(body="<html>")])
def test_what_a_server_does_not_say_is_not_known(job: pytest.MonkeyPatch, said: Answer) -> None:
    with scripted_server(said) as server:
        job.setenv("BASE_INTERNAL_URL", server.url)
        assert is_awaited(SECRET, {"flow": "F"}) is None


def test_a_child_answers_when_it_is_asked_and_with_what_it_knew(tmp_path: Path) -> None:
    known, file = {"token": SECRET}, tmp_path / "file"
    heard = later(lambda: [known["token"], file.exists()])
    known["token"] = ""
    file.touch()
    assert heard() == [SECRET, True]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_child_that_was_killed_has_nothing_to_say(when: str) -> None:
    before = set(children_of(os.getpid()))
    heard = later(lambda: os.kill(os.getpid(), 9) if when == "after" else "alive")
    (child,) = set(children_of(os.getpid())) - before
    if when == "before":
        os.kill(child, 9)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert heard() is None


@pytest.mark.parametrize("how", ["pass", "os.kill(os.getpid(), 9)", "1 / 0"])
def test_a_child_that_nobody_asked_ends_with_its_parent(how: str) -> None:
    code = f"import os; from metaflow_windmill.package.body.children import later; later(lambda: None); {how}"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        parent.wait(100)
        assert select.select([parent.stdout], [], [], 30)[0], "the child still holds what its parent wrote to"
        assert parent.stdout.read() == b""


KEPT = """
    import os, sys
    from pathlib import Path
    from metaflow_windmill.package.body.children import later
    from metaflow_windmill.package.body.token import take_token
    from metaflow_windmill.process.child import run_child
    from metaflow_windmill.process.leftovers import children_of
    from metaflow_windmill.runtime.output.log_streams import LogStream
    take_token()
    heard = later(lambda: "answered")
    look = {looked!r}.replace("PIDS", str(tuple(children_of(os.getpid()))))
    def body():
        exec(look)
        return 0
    print(run_child(body, [LogStream(1, Path("stdout")), LogStream(2, Path("stderr"))]), heard())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux shuts processes to one another")
def test_a_task_cannot_look_into_the_child_that_keeps_the_token(tmp_path: Path) -> None:
    assert output_of(KEPT.format(looked=LOOKED), tmp_path) == "closed\n" * 3 + "0 answered\n"


@pytest.mark.parametrize("ends", [False, True])
def test_nothing_that_runs_below_the_script_finds_the_token_in_its_frames(
    tmp_path: Path, *, ends: bool
) -> None:
    """A package may have been changed by a job of somebody else on the same worker."""
    code = tmp_path / "cache" / "sha" / ".mf_code" / "metaflow_windmill" / "runtime"
    code.mkdir(parents=True)
    (tmp_path / "cache").chmod(0o700)
    (code.parent / "__init__.py").touch()
    (code / "__init__.py").touch()
    (code / "task.py").write_text(
        "import sys\n"
        "def run_task(root, task, token, inputs, **more):\n"
        "    frames, frame = [], sys._getframe(1)\n"
        "    while frame.f_code.co_name != '<module>':\n"
        "        frames, frame = [*frames, repr(frame.f_locals)], frame.f_back\n"
        "    return {'said': [token, *frames]}\n"
    )
    script = tmp_path / "script.py"
    script.write_text(step_script(), encoding="utf-8")
    text = f"""
        import json, runpy
        main = runpy.run_path({str(script)!r})["main"]
        deployment = {{"package": {{"sha": "sha", "url": "nowhere"}}, "datastore": {{"type": "local"}}}}
        deployment["flow"] = "F"
        print(json.dumps(main({{"step": "start", "ends": {ends}}}, deployment)["said"]))
    """
    env = {"WM_TOKEN": SECRET, "METAFLOW_WINDMILL_CACHE": str(tmp_path / "cache")}
    token, *frames = json.loads(output_of(text, tmp_path, env=env))
    assert token == ""
    assert frames
    assert SECRET not in json.dumps(frames)


@pytest.mark.parametrize(
    ("task", "last"),
    [
        ({"step": "end", "ends": True}, True),
        ({"step": "start"}, False),
        ({"pack": {"steps": [{"step": "start"}, {"step": "end", "ends": True}]}}, True),
        ({"pack": {"steps": [{"step": "start"}]}}, False),
        ({"publish": "end"}, False),
    ],
)
def test_a_run_ends_with_its_last_task(task: dict[str, object], *, last: bool) -> None:
    assert run_ends(task) is last
