"""What the code of a repository may not do: see a token, or decide where and as whose it is deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.workspace import Workspace, flow_file, git_repository, outcomes, reasons

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.git_repository import GitRepository

SPY = """\
import json, os, sys
def look(pid):
    found = {}
    for name in ("environ", "cmdline", "mem", "maps"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                found[name] = file.read(100_000).decode(errors="replace").replace("\\0", " ")
        except OSError as why:
            found[name] = f"refused {why.errno}"
    return found
others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
seen = {"environment": dict(os.environ), "home": os.listdir(os.environ["HOME"]), "cwd": os.getcwd()}
seen["processes"] = {pid: look(pid) for pid in others}
json.dump(seen, open(WHERE, "w"))
"""


def test_code_of_the_repository_sees_no_token(
    place: Workspace, origin: GitRepository, tmp_path: Path
) -> None:
    """A flow file that looks at its environment, and at every process that it finds, when it is compiled."""
    spy = SPY.replace("WHERE", repr(str(tmp_path / "seen")))
    origin.commit({"flows/one.py": flow_file("OneFlow", more=spy), "flows/two.py": None})
    place.server.tell_jobs({"AWS_SECRET_ACCESS_KEY": "workspace-datastore-key"})
    job = place.deploy(repo=git_repository(place, origin, "spy"), folder="f/spy")
    place.server.tell_jobs({"AWS_SECRET_ACCESS_KEY": None})
    assert job["success"], reasons(job)
    seen = json.loads((tmp_path / "seen").read_text())
    names = set(seen["environment"])
    assert not {name for name in names if name.startswith(("WM_", "WINDMILL", "AWS", "BASE_"))}
    assert seen["environment"]["HOME"].endswith("/home")
    assert seen["processes"]
    job_token = "jwt_"
    for about in seen["processes"].values():
        for name in ("environ", "mem", "maps"):
            assert "WM_TOKEN=jwt" not in about[name]
            assert "workspace-datastore-key" not in about[name]
        assert job_token not in about["cmdline"]
        assert place.server.token not in json.dumps(about)


def test_the_repository_decides_neither_place_nor_owner_nor_tag(
    place: Workspace, origin: GitRepository
) -> None:
    """A flow file that prints a document of its own, better than the real one from where it stands."""
    forge = """\
import sys, subprocess, os, json
if "windmill" in sys.argv and "FORGED" not in os.environ:
    done = subprocess.run([sys.executable, *sys.argv], env={**os.environ, "FORGED": "1"}, capture_output=True)
    document = json.loads(done.stdout)
    CHANGE
    print(json.dumps(document))
    sys.exit(0)
"""
    changes = {
        "Taken": "document['path'] = 'f/elsewhere/TakenOver'; document['labels'] = ['production'];"
        "document['value']['flow_env']['metaflow']['owner'] = 'root';"
        "document['value']['modules'][0]['value']['lock'] = '# py: 3.11\\nevil==1'",
        "Tagged": "document['value']['modules'][0]['value']['tag'] = 'gpu'",
        "Code": "document['value']['modules'][0]['value']['content'] = 'def main(**k): return 1'",
        "Package": "document['value']['flow_env']['metaflow']['package']['url'] = '/etc/passwd'",
    }
    files: dict[str, str | None] = {"flows/one.py": None, "flows/two.py": None}
    for name, change in changes.items():
        files[f"flows/{name}.py"] = flow_file(name, more=forge.replace("CHANGE", change))
    origin.commit(files)
    job = place.deploy(repo=git_repository(place, origin, "forged"), folder="f/forged", owner="ada")
    assert outcomes(job) == {"Code": "failed", "Package": "failed", "Tagged": "failed", "Taken": "created"}
    assert "start for 'gpu'" in reasons(job)
    assert "code of the step" in reasons(job)
    assert "code package that is not its own" in reasons(job)
    assert place.flows("f/forged") == ["f/forged/Taken"]
    assert place.flows("f/elsewhere") == []
    flow = place.server.get("/flows/get/f/forged/Taken")
    assert flow["labels"] == ["metaflow", "flow:Taken"]
    assert place.record("f/forged/Taken")["owner"] == "ada"
    for module in flow["value"]["modules"]:
        assert module["value"].get("tag") is None
        assert "evil" not in module["value"]["lock"]
