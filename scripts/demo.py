"""The whole way on one machine, with nothing pretended.

A server is started, the workspace's scripts are installed on it, a git repository of flows is made, a
job of the server deploys what is in it, each deployed flow is run, and Metaflow reads the results back.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from local_server import Server, local_server

from metaflow_windmill.cli.flow.telling.teller import Teller
from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.pages import flow_page, run_page
from metaflow_windmill.client.transport import Request
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.runs.flow_modules import steps_of
from metaflow_windmill.runs.watch import RunWatch

if TYPE_CHECKING:
    from metaflow_windmill.client.models import Job

HOUSE = Path(__file__).resolve().parent.parent
LAST = "ModelsFlow"
FLOWS = {"HelloFlow": {"name": "Windmill"}, "TriageFlow": {"patience": 3}, LAST: {"degrees": "1,2,3,4"}}


class Demo:
    """What the parts of the demo share: the server, a client of it, a directory for everything."""

    def __init__(self, server: Server, place: Path) -> None:
        self.server, self.place = server, place
        self.transport = HttpTransport(server.url, server.token)
        self.client = Windmill(self.transport, "admins")

    def ask(self, method: str, path: str, body: object = None) -> object:
        """Send a request that the client has no name for."""
        request = Request(method, f"/w/admins{path}", body=body)
        answer = self.transport.send(request)
        if answer.status >= 400:
            raise SystemExit(f"{request}: {answer.text}")
        return answer.text

    def install(self) -> None:
        """Put f/metaflow into the workspace, through the API."""
        command = [sys.executable, "-m", "metaflow_windmill.cli.main", "install", "--yes"]
        self.run(command, **self.server.environment)

    def repository(self) -> str:
        """Make a git repository of the examples; return its commit."""
        flows = self.place / "flows"
        flows.mkdir(parents=True)
        for name in ("hello.py", "models.py", "triage.py"):  # the ones that need nothing installed
            shutil.copy(HOUSE / "examples" / name, flows)
        git = ["git", "-C", str(flows), "-c", "user.name=Demo", "-c", "user.email=demo@example.com"]
        for words in (["init", "--quiet", "-b", "main"], ["add", "."], ["commit", "--quiet", "-m", "Flows"]):
            self.run([*git, *words])
        made = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        return made.stdout.strip()

    def resource(self) -> None:
        """Tell the workspace of the repository."""
        if not self.client.folder_exists("flows"):
            self.client.create_folder("flows")
        value = {"url": (self.place / "flows").as_uri(), "branch": "main"}
        body = {
            "path": "f/flows/examples",
            "value": value,
            "resource_type": "git_repository",
            "description": "",
        }
        self.ask("POST", "/resources/create", body)

    def deploy(self) -> Job:
        """Run f/metaflow/compile_and_deploy as a job of the server."""
        job_id = str(uuid.uuid4())
        args = {
            "repo": "$res:f/flows/examples",
            "datastore": "local",
            "datastore_root": str(self.place / "store"),
        }
        self.ask("POST", f"/jobs/run/p/f/metaflow/compile_and_deploy?job_id={job_id}", args)
        return self.wait(job_id)

    def wait(self, job_id: str) -> Job:
        """Show a job's log as it grows; return the job once it has ended well."""
        offset = 0
        while True:
            job = self.client.get_job(job_id)
            text, offset = self.client.log_update(job_id, offset)
            print("".join(f"    {line}\n" for line in text.splitlines()), end="", flush=True)
            if job.state.final:
                break
            time.sleep(0.1)
        if job.state.value != "SUCCEEDED":
            raise SystemExit(f"The job {job_id} ended as {job.state.value}: {job.result}")
        return job

    def follow(self, flow: str, args: dict[str, object]) -> str:
        """Run a deployed flow and show each of its tasks; return the run id."""
        path = f"f/flows/{flow}"
        job_id = self.client.run_flow(path, args, str(uuid.uuid4()))
        print(f"    {run_page(self.server.url, 'admins', job_id)}")
        watch = RunWatch(self.client, job_id, steps_of(self.client.get_flow(path).value))
        teller = Teller(lambda text, _at, _colour: print(f"    {text}", flush=True))
        over = False
        while not over:
            look = watch.look()
            over = look.run.state.final
            for event in look.events:
                teller.event(event)
            teller.counts(over=over)
            time.sleep(0.1)
        self.wait(job_id)
        return f"windmill-{job_id}"

    def read(self, flow: str, run_id: str) -> None:
        """Read the run's artifacts with Metaflow's client, as anybody would."""
        code = (
            "import sys; from metaflow import Run, namespace; namespace(None); run = Run(sys.argv[1]);"
            "assert run.successful;"
            "[print(f'    {run[step.id].task.pathspec}: ', {a.id: a.data for a in step.task.artifacts"
            " if a.id not in ('name', 'points')}) for step in reversed(list(run))]"
        )
        store = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(self.place / "store")}
        self.run([sys.executable, "-c", code, f"{flow}/{run_id}"], METAFLOW_USER="demo", **store)

    def run(self, command: list[str], **variables: str) -> None:
        """Run a command in the demo's directory; its failure is the demo's."""
        done = subprocess.run(command, cwd=self.place, env={**os.environ, **variables}, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command[:4])} ... ended with status {done.returncode}")


def say(number: int, text: str) -> None:
    """Announce a part."""
    print(f"\n[{number}/6] {text}", flush=True)


def demo(server: Server, place: Path) -> str:
    """Do all of it; return the pathspec of the last run."""
    this = Demo(server, place)
    print(f"    {server.url}/?token={server.token}")
    say(2, "Installing f/metaflow through the API")
    this.install()
    say(3, "Making a git repository of flows, and a git_repository resource for it")
    print(f"    commit {this.repository()} in {place / 'flows'}")
    this.resource()
    say(4, "Running f/metaflow/compile_and_deploy as a job of the server")
    this.deploy()
    say(5, "Running the deployed flows")
    runs = {}
    for flow, args in FLOWS.items():
        print(f"  {flow}: {flow_page(server.url, 'admins', f'f/flows/{flow}')}")
        runs[flow] = this.follow(flow, args)
    say(6, "Reading the results with Metaflow's client")
    for flow, run_id in runs.items():
        this.read(flow, run_id)
    return f"{LAST}/{runs[LAST]}"


def main() -> None:
    """Run the demo in a directory of its own, kept for a look at it."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--keep", action="store_true", help="leave the server running until Ctrl-C")
    ask.add_argument("--place", type=Path, default=HOUSE / ".demo", help="directory for everything (emptied)")
    said = ask.parse_args()
    shutil.rmtree(said.place, ignore_errors=True)
    said.place.mkdir(parents=True)
    say(1, "Starting the embedded server")
    allowed = {
        "METAFLOW_WINDMILL_ALLOW_FILE_REPOSITORIES": "1",
        "WHITELIST_ENVS": "METAFLOW_WINDMILL_ALLOW_FILE_REPOSITORIES",
    }
    with ExitStack() as stack:
        server = stack.enter_context(local_server(said.place / "server", **allowed))
        pathspec = demo(server, said.place)
        if said.keep:
            print(f"\nThe server is at {server.url}/?token={server.token}; Ctrl-C ends it.", flush=True)
            server.process.wait()
    print(f"\ndemo passed: {pathspec}")


if __name__ == "__main__":
    main()
