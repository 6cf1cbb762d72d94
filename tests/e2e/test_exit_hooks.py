"""Functions of a flow that run once a run is over, whatever became of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import Deployed
from tests.support.oracle import Home, run_locally

from metaflow_windmill.client.models import instant

if TYPE_CHECKING:
    from tests.support.deployed import Target

    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow

FLOWS = Path(__file__).parent / "flows"


@pytest.fixture(scope="module")
def hooked(windmill: Target, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    home = Home(tmp_path_factory.mktemp("hooked"))
    for name in ("hooked", "hooked_away"):
        text = (FLOWS / f"{name}.py").read_text(encoding="utf-8")
        home.write(name, text.replace('os.environ["HOOKED_NOTES"]', f'"{home.root}/notes"'))
    deployed = Deployed(home, windmill, home.root / "hooked.py", "Hooked")
    deployed.create()
    return deployed


def notes(deployed: Deployed) -> list[str]:
    """Return what hooks wrote since the last question, in order."""
    file = deployed.home.root / "notes"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    file.unlink(missing_ok=True)
    return text.splitlines()


def hook_jobs(deployed: Deployed, run_id: str) -> list[Json]:
    """Return the jobs that ran the hooks of a run."""
    client = deployed.target.client
    began = client.get_job(run_id.removeprefix("windmill-")).created_at
    assert began is not None
    jobs = client.list_jobs(script_path_start="f/flows/Hooked/", created_after=instant(began), per_page=1000)
    last = [job for job in jobs if job.path.endswith(("end_on_error", "end_on_success"))]
    return [client.get_job(job.id) for job in last]


def test_a_run_that_succeeds(hooked: Deployed) -> None:
    run_id = hooked.trigger()
    seen = hooked.finish(run_id)
    assert seen.successful
    assert notes(hooked) == [f"from_afar {run_id}", f"celebrate {run_id} True made by start"]
    (job,) = hook_jobs(hooked, run_id)
    assert job.state.value == "FAILED"
    assert job.result["error"]["message"] == (
        f"Hooked/{run_id} succeeded, but of its exit hooks stumble failed. "
        "What they said is in this job's log."
    )
    log = hooked.target.client.job_logs(job.id)
    assert "a good end" in log
    assert "ValueError: this hook stumbles" in log
    local = run_locally(hooked.home, hooked.flow, "Hooked")
    assert local.successful
    assert [line.split()[0] for line in notes(hooked)] == ["from_afar", "celebrate"]


@pytest.mark.parametrize(
    ("bad", "step", "message"),
    [("start", "start", "start fails"), ("01", "each", "item 0 fails"), ("1", "each", "item 1 fails")],
)
def test_a_run_that_fails(hooked: Deployed, bad: str, step: str, message: str) -> None:
    run_id = hooked.trigger("--bad", bad)
    assert not hooked.finish(run_id).successful
    assert notes(hooked) == [f"mourn {run_id} False made by start"]
    error = hooked.wait(run_id).result["error"]
    assert (error["name"], error["message"]) == ("RuntimeError", message)
    assert error["extra"]["failed_step"] == step
    (job,) = hook_jobs(hooked, run_id)
    assert "Could not load function 'no_such_hook'" in hooked.target.client.job_logs(job.id)
    told = hooked.command("status", run_id)
    assert f"failed at {step}: RuntimeError: {message}" in told.stdout


def test_a_run_that_fails_and_is_resumed(hooked: Deployed) -> None:
    first = hooked.trigger("--bad", "1")
    hooked.wait(first)
    file = hooked.home.root / "resumed"
    done = hooked.command("resume", first, "--bad", "", f"--run-id-file={file}")
    assert done.returncode == 0, done.stderr
    second = file.read_text(encoding="utf-8")
    assert [line.split()[:2] for line in notes(hooked)] == [
        ["mourn", first],
        ["from_afar", second],
        ["celebrate", second],
    ]


def test_hooks_for_success_alone_leave_the_steps_where_they_are(home: Home, windmill: Target) -> None:
    text = (FLOWS / "short.py").read_text(encoding="utf-8").replace("class Short", "class Cheerful")
    text = text.replace(
        "class Cheerful",
        'def cheer(run):\n    print("cheers", run.id)\n\n\n@exit_hook(on_success=[cheer])\nclass Cheerful',
    )
    text = text.replace("import FlowSpec", "import exit_hook, FlowSpec").replace(" Short()", " Cheerful()")
    deployed = Deployed(home, windmill, home.write("cheerful", text), "Cheerful")
    deployed.create()
    run_id = deployed.trigger()
    assert deployed.finish(run_id).successful
    job = deployed.step_job(run_id, "end_on_success")
    assert (job.result["run_id"], job.result["exit_hooks"]) == (run_id, ["cheer"])
    assert f"cheers {run_id}" in windmill.client.job_logs(job.id)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)
