"""A workspace of an embedded server with this library's scripts in it, and what a team does there."""

from __future__ import annotations

import io
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.elsewhere import embedded_server, some_server
from tests.support.oracle import usual_settings

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.workspace.installing.installer import Installer
from metaflow_windmill.workspace.installing.script_scopes import for_release
from metaflow_windmill.workspace.installing.shipped import shipment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.git_repository import GitRepository
    from tests.support.server import Server

LINEAR = """\
from metaflow import FlowSpec, step
{more}

class {name}(FlowSpec):
    @step
    def start(self):
        self.said = {said!r}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    {name}()
"""


def flow_file(name: str, said: str = "one", more: str = "") -> str:
    """Return the text of a flow of two steps."""
    return LINEAR.format(name=name, said=said, more=more)


@dataclass(frozen=True)
class Workspace:
    """A workspace, and where its flows keep their data."""

    server: Server
    store: Path

    def install(self, release: tuple[int, ...] = ()) -> list[str]:
        """Install the scripts as on a server of a release, if it is known; return what was done."""
        installer = Installer(HttpTransport(self.server.url, self.server.token), self.server.workspace)
        said: list[str] = []
        installer.carry_out(installer.plan(for_release(shipment(), release)), said.append)
        return said

    def resource(self, path: str, value: Any, kind: str = "metaflow_repo") -> str:
        """Write a resource; return what refers to it."""
        folder = path.split("/")[1]
        if not self.server.get(f"/folders/exists/{folder}"):
            self.server.post("/folders/create", {"name": folder})
        body = {"path": path, "value": value, "resource_type": kind, "description": ""}
        self.server.post("/resources/create?update_if_exists=true", body)
        return f"$res:{path}"

    def script(self, name: str, /, **args: Any) -> Any:
        """Run one of the scripts as a job; return the job once it has ended."""
        return self.server.finished(self.start(name, **args), 120)

    def start(self, name: str, /, **args: Any) -> str:
        """Start one of the scripts; return its job's id."""
        return str(self.server.post(f"/jobs/run/p/f/metaflow/{name}?skip_preprocessor=true", args))

    def deploy(self, **args: Any) -> Any:
        """Run compile_and_deploy, with the datastore of these tests unless another one is said."""
        kept = self.datastore
        where = {"datastore": kept["type"], "datastore_root": kept["root"].removesuffix("/.metaflow")}
        return self.script("compile_and_deploy", **{**where, **args})

    @property
    def datastore(self) -> dict[str, str]:
        """Where the flows of these tests keep their data, as a deployment record has it."""
        usual = usual_settings()
        kind = usual.get("METAFLOW_DEFAULT_DATASTORE", "local")
        root = usual.get(f"METAFLOW_DATASTORE_SYSROOT_{kind.upper()}", f"{self.store}/.metaflow")
        return {"type": kind, "root": root}

    def logs(self, job: Any) -> str:
        """Return the log of a job."""
        return str(self.server.get(f"/jobs_u/get_logs/{job['id']}"))

    def run(self, path: str, **args: Any) -> Any:
        """Run a deployed flow to its end."""
        return self.server.finished(self.server.post(f"/jobs/run/f/{path}", args), 120)

    def record(self, path: str) -> Any:
        """Return the deployment record of a flow."""
        return self.server.get(f"/flows/get/{path}")["value"]["flow_env"]["metaflow"]

    def version(self, path: str) -> Any:
        """Return the number of a flow's newest version."""
        return self.server.get(f"/flows/get_latest_version/{path}")

    def flows(self, folder: str) -> list[str]:
        """Return the paths of the flows in a folder."""
        return sorted(item["path"] for item in self.server.get(f"/flows/list?path_start={folder}/"))


@contextmanager
def workspace(directory: Path, *, shared: str = "") -> Iterator[Workspace]:
    """Start a server that lets ``file://`` repositories be read, and install the scripts.

    Parameters
    ----------
    directory : Path
        For the server's data.
    shared : str
        Why jobs have the packages of this environment; empty where they have what they require only.
    """
    alone = ("--shared-environment",)
    serving = embedded_server(directory, shared, arguments=alone) if shared else some_server(directory)
    with serving as server:
        server.tell_jobs({"METAFLOW_WINDMILL_ALLOW_FILE_REPOSITORIES": "1"})
        made = Workspace(server, directory / "store")
        made.install()
        yield made


def git_repository(place: Workspace, origin: GitRepository, name: str) -> str:
    """Write a resource of Windmill's own type for a repository; return what refers to it."""
    return place.resource(f"f/{name}/repository", {"url": origin.url, "branch": "main"}, "git_repository")


def make_wheel(
    folder: Path, name: str = "tinyword", version: str = "1.2", code: str = "WORD = 'tiny'\n"
) -> None:
    """Write a wheel by hand: no network, no build."""
    folder.mkdir(exist_ok=True)
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{about}/RECORD": record}.items():
            wheel.writestr(path, text)


def outcomes(job: Any) -> dict[str, str]:
    """Return what became of each flow."""
    return {item["flow"]: item["outcome"] for item in job["result"]["flows"]}


def reasons(job: Any) -> str:
    """Return what a failed job says, in its result or its error."""
    text = io.StringIO()
    print(job["result"].get("wm_failure") or job["result"]["error"]["message"], file=text)
    return text.getvalue()
