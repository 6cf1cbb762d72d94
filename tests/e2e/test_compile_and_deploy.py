from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from tests.support.elsewhere import elsewhere, of_no_use_elsewhere
from tests.support.git_repository import GitRepository, new_repository
from tests.support.git_server import git_host
from tests.support.server import RunningServer, wait_until
from tests.support.workspace import (
    Workspace,
    flow_file,
    git_repository,
    make_wheel,
    outcomes,
    reasons,
)

if TYPE_CHECKING:
    from tests.support.server import Server

TOKEN = "glpat-s3cret/t0ken+x"


def test_a_repository_becomes_running_flows(place: Workspace, origin: GitRepository) -> None:
    commit = origin.git("rev-parse", "main")
    job = place.deploy(
        repo=git_repository(place, origin, "first"), folder="f/first", owner="ada", tags=["nightly"]
    )
    assert job["success"], reasons(job)
    assert outcomes(job) == {"OneFlow": "created", "TwoFlow": "created"}
    shown = job["result"]["markdown"]
    page = f"{place.server.url}/flows/get/f/first/OneFlow?workspace={place.server.workspace}"
    assert f"[f/first/OneFlow]({page})" in shown
    assert commit[:12] in shown
    assert job["result"]["wm_renderer"] == "markdown"
    record = place.record("f/first/OneFlow")
    assert record["git"]["commit"] == commit
    assert (record["git"]["repository"], record["git"]["path"]) == (origin.url, "flows/one.py")
    assert (record["owner"], record["tags"]) == ("ada", ["nightly"])
    assert record["datastore"] == place.datastore
    assert record["package"]["sha"][:12] in shown
    assert commit[:12] in place.server.get("/flows/get/f/first/OneFlow")["description"]
    run = place.run("f/first/OneFlow")
    assert run["success"], run["result"]


def test_only_what_changed_is_deployed_again(place: Workspace, origin: GitRepository) -> None:
    repo = git_repository(place, origin, "again")
    first = place.deploy(repo=repo, folder="f/again")
    one, two = place.version("f/again/OneFlow"), place.version("f/again/TwoFlow")
    nothing = place.deploy(repo=repo, folder="f/again")
    assert outcomes(nothing) == {"OneFlow": "unchanged", "TwoFlow": "unchanged"}
    origin.commit({"flows/two.py": flow_file("TwoFlow", "two")})
    second = place.deploy(repo=repo, folder="f/again")
    assert outcomes(second) == {"OneFlow": "unchanged", "TwoFlow": "updated"}
    assert place.version("f/again/OneFlow") == one
    assert place.version("f/again/TwoFlow") != two
    assert place.record("f/again/OneFlow")["git"]["commit"] == first["result"]["commit"]
    forced = place.deploy(repo=repo, folder="f/again", only_if_changed=False)
    assert outcomes(forced) == {"OneFlow": "updated", "TwoFlow": "updated"}


def test_a_flow_that_asks_a_person(place: Workspace, origin: GitRepository) -> None:
    text = (Path(__file__).parent / "flows/two_people.py").read_text()
    origin.commit({"flows/two_people.py": text.replace('"self_approval": False, ', "")})
    job = place.deploy(
        repo=git_repository(place, origin, "asks"), folder="f/asks", flows=["flows/two_people.py"]
    )
    assert outcomes(job) == {"TwoPeopleFlow": "created"}, reasons(job)
    server = place.server
    run = str(server.post("/jobs/run/f/f/asks/TwoPeopleFlow", {}))
    wait_until(lambda: server.get(f"/jobs_u/get/{run}").get("suspend"), 60, "it asks nobody")
    asked = server.get(f"/jobs_u/flow/approval_info/{run}")
    assert (asked["description"], list(asked["form_schema"]["schema"]["properties"])) == (
        "Release it?",
        ["why"],
    )
    server.post(f"/jobs_u/flow/resume_suspended/{run}", {"approved": True, "payload": {"why": "all is well"}})
    done = server.finished(run, 120)
    assert done["success"], done["result"]
    (end,) = (part["job"] for part in done["flow_status"]["modules"] if part["id"] == "end")
    assert "all is well, says admin" in str(server.get(f"/jobs_u/get_logs/{end}"))


def test_one_broken_flow_does_not_stop_the_others(place: Workspace, origin: GitRepository) -> None:
    origin.commit(
        {
            "flows/a_broken.py": flow_file("BrokenFlow", more="raise RuntimeError('at import')"),
            "flows/b_syntax.py": "class SyntaxFlow(FlowSpec):\n    def (\n",
            "flows/c_lint.py": "from metaflow import FlowSpec\nclass LintFlow(FlowSpec): pass\nLintFlow()\n",
            "flows/d_tag.py": flow_file("TagFlow", more="from metaflow import windmill").replace(
                "    @step\n    def start", '    @windmill(tag="gpu")\n    @step\n    def start'
            ),
        }
    )
    job = place.deploy(repo=git_repository(place, origin, "broken"), folder="f/broken")
    assert not job["success"]
    assert outcomes(job) == {
        "BrokenFlow": "failed",
        "SyntaxFlow": "failed",
        "LintFlow": "failed",
        "TagFlow": "failed",
        "OneFlow": "created",
        "TwoFlow": "created",
    }
    told = reasons(job)
    causes = ("RuntimeError: at import", "SyntaxError", "exactly one start step", "start for 'gpu'")
    for word in ("4 of 6 flows", "allowed_tags", *causes):
        assert word in told
        assert word in job["result"]["markdown"] + told
    assert place.flows("f/broken") == ["f/broken/OneFlow", "f/broken/TwoFlow"]


def test_a_dry_run_changes_nothing_and_shows_what_would_change(
    place: Workspace, origin: GitRepository
) -> None:
    repo = git_repository(place, origin, "dry")
    job = place.deploy(repo=repo, folder="f/dry", datastore_root=str(place.store / "dry"), dry_run=True)
    assert outcomes(job) == {"OneFlow": "would create", "TwoFlow": "would create"}
    assert place.flows("f/dry") == []
    assert not (place.store / "dry").exists()
    place.deploy(repo=repo, folder="f/dry")
    patient = flow_file("OneFlow", more="from metaflow import retry")
    patient = patient.replace("    @step\n    def start", "    @retry(times=3)\n    @step\n    def start")
    origin.commit({"flows/one.py": patient, "flows/two.py": None})
    job = place.deploy(repo=repo, folder="f/dry", dry_run=True, prune=True)
    assert outcomes(job) == {"OneFlow": "would update", "TwoFlow": "would remove"}
    (diff,) = (item["diff"] for item in job["result"]["flows"] if "diff" in item)
    assert "+ step start: retry: {'constant': {'attempts': 3" in diff
    assert "```diff" in job["result"]["markdown"]
    assert place.flows("f/dry") == ["f/dry/OneFlow", "f/dry/TwoFlow"]


def test_prune_removes_what_is_gone_from_this_repository_and_nothing_else(
    place: Workspace, origin: GitRepository, tmp_path: Path
) -> None:
    other = new_repository(tmp_path / "other.git", {"other.py": flow_file("OtherFlow")})
    place.deploy(repo={"url": other.url}, folder="f/prune")
    repo = git_repository(place, origin, "prune")
    origin.commit({"flows/three.py": flow_file("ThreeFlow"), "flows/four.py": flow_file("FourFlow")})
    place.deploy(repo=repo, folder="f/prune")
    origin.commit({"flows/side.py": flow_file("SideFlow")}, branch="side")
    place.deploy(repo=repo, ref="side", folder="f/prune")
    by_hand = {"path": "f/prune/by_hand", "summary": "x", "value": {"modules": []}, "schema": {}}
    place.server.post("/flows/create", by_hand)
    origin.commit(
        {
            "flows/one.py": None,
            "flows/two.py": flow_file("RenamedFlow"),
            "flows/three.py": flow_file("ThreeFlow", more="raise SystemExit(1)"),
        }
    )
    job = place.deploy(repo=repo, folder="f/prune", prune=True, flows=["flows/t*.py"])
    assert outcomes(job) == {
        "RenamedFlow": "created",
        "ThreeFlow": "failed",
        "OneFlow": "removed",
        "TwoFlow": "removed",
    }
    kept = ["FourFlow", "OtherFlow", "RenamedFlow", "SideFlow", "ThreeFlow", "by_hand"]
    assert place.flows("f/prune") == [f"f/prune/{name}" for name in kept]


def jobs_of(server: Server) -> Path:
    """Return where jobs have their arguments; Windmill's own place where the server is not ours."""
    return server.data / "jobs" if isinstance(server, RunningServer) else Path("/tmp/windmill/*")


def test_a_private_repository_over_https(place: Workspace, origin: GitRepository, tmp_path: Path) -> None:
    place.server.post("/folders/create", {"name": "private"})
    secret = {"path": "f/private/token", "value": TOKEN, "is_secret": True, "description": ""}
    place.server.post("/variables/create", secret)
    channel = {**secret, "path": "f/private/channel", "value": "http://127.0.0.1:9/never"}
    place.server.post("/variables/create", channel)
    search = f"""
import glob
found = [open(path).read() for path in glob.glob("{jobs_of(place.server)}/*/args.json")]
open("{tmp_path}/found", "w").write("".join(found))
"""
    origin.commit({"flows/two.py": flow_file("TwoFlow", more=search)})
    with git_host(tmp_path / "host", tmp_path / "tls", token=TOKEN) as host:
        value = {
            "url": f"{host.url}/flows.git",
            "token": "$var:f/private/token",
            "ca_certificates": host.ca_certificates,
            "folder": "f/private",
            "datastore": "local",
            "datastore_root": str(place.store),
            "owner": "ops",
            "workflow_timeout": 600,
            "pack": 4,
            "notify": ["webhook=f/private/channel"],
            "notify_on_error": True,
        }
        configuration = place.resource("f/private/flows_repo", value)
        job = place.script("compile_and_deploy", configuration=configuration)
        assert job["success"], reasons(job)
        assert outcomes(job) == {"OneFlow": "created", "TwoFlow": "created"}
        host.token = "changed"
        failed = place.script("compile_and_deploy", configuration=configuration)
    assert "'token' that may read it" in reasons(failed)
    found = (tmp_path / "found").read_text()
    assert "f/private" in found or elsewhere() is not None
    assert TOKEN not in found
    for each in (job, failed):
        for text in (place.logs(each), json.dumps(each)):
            assert TOKEN not in text
            assert "s3cret" not in text
    assert place.record("f/private/OneFlow")["git"]["repository"] == f"{host.url}/flows.git"
    assert place.record("f/private/OneFlow")["workflow_timeout"] == 600
    deployed = json.dumps(place.server.get("/flows/get/f/private/OneFlow"))
    assert deployed.count("$var:f/private/channel") == 1
    run = place.run("f/private/OneFlow")
    assert run["success"], run["result"]
    jobs = place.server.get("/jobs/completed/list?script_path_start=f/private/OneFlow/&job_kinds=flowscript")
    results = [place.server.get(f"/jobs_u/get/{job['id']}")["result"] for job in jobs]
    tasks = next(result["tasks"] for result in results if "tasks" in result)  # or a part around it
    assert [(row["task"], row["state"]) for row in tasks] == [("start/t", "done"), ("end/t", "done")]


def test_a_flow_of_somebody_else_is_left_alone(
    place: Workspace, origin: GitRepository, tmp_path: Path
) -> None:
    other = new_repository(tmp_path / "other.git", {"one.py": flow_file("OneFlow", "theirs")})
    place.deploy(repo={"url": other.url}, folder="f/taken", owner="bob")
    by_hand = {"path": "f/taken/TwoFlow", "summary": "x", "value": {"modules": []}, "schema": {}}
    place.server.post("/flows/create", by_hand)
    job = place.deploy(repo=git_repository(place, origin, "taken"), folder="f/taken", owner="ada")
    assert outcomes(job) == {"OneFlow": "failed", "TwoFlow": "failed"}
    assert "was deployed by bob" in reasons(job)
    assert "did not deploy" in reasons(job)
    assert place.record("f/taken/OneFlow")["git"]["repository"] == other.url


def test_projects_get_the_branch_that_the_call_says(place: Workspace, origin: GitRepository) -> None:
    text = flow_file("OneFlow").replace(
        "\nclass", "from metaflow import project\n@project(name='demo')\nclass"
    )
    origin.commit({"flows/one.py": text})
    repo = git_repository(place, origin, "project")
    job = place.deploy(repo=repo, folder="f/project", owner="ada", flows=["flows/one.py"])
    assert [item["path"] for item in job["result"]["flows"]] == ["f/project/demo/user-ada/OneFlow"]
    job = place.deploy(repo=repo, folder="f/project", owner="ada", production=True)
    paths = [item["path"] for item in job["result"]["flows"]]
    assert paths == ["f/project/demo/prod/OneFlow", "f/project/TwoFlow"]
    record = place.record("f/project/demo/prod/OneFlow")
    assert (record["project"], record["branch"], record["top_level"].count("--production")) == (
        "demo",
        "prod",
        1,
    )


def test_two_files_with_a_flow_of_the_same_name(place: Workspace, origin: GitRepository) -> None:
    origin.commit({"flows/two.py": flow_file("OneFlow", "the other")})
    job = place.deploy(repo=git_repository(place, origin, "twice"), folder="f/twice")
    assert [item["outcome"] for item in job["result"]["flows"]] == ["created", "failed"]
    assert "flows/one.py has a flow of the same name" in reasons(job)


def test_a_repositorys_requirements_are_there_when_it_compiles_and_in_the_lock(
    place: Workspace, origin: GitRepository, tmp_path: Path
) -> None:
    make_wheel(tmp_path / "wheels")
    header = '# /// script\n# dependencies = ["tinyword"]\n# ///\n'
    text = header + flow_file("OneFlow", more="import tinyword\nassert tinyword.WORD == 'tiny'")
    origin.commit({"flows/one.py": text})
    settings = {"UV_FIND_LINKS": str(tmp_path / "wheels"), "UV_OFFLINE": "1"}
    settings |= {"METAFLOW_WINDMILL_CACHE": str(tmp_path / "cache")}
    place.server.tell_jobs(settings)
    job = place.deploy(repo=git_repository(place, origin, "needs"), folder="f/needs")
    place.server.tell_jobs(dict.fromkeys(settings))
    assert job["success"], reasons(job)
    locks = {
        name: place.server.get(f"/flows/get/f/needs/{name}")["value"]["modules"][0]["value"]["lock"]
        for name in ("OneFlow", "TwoFlow")
    }
    assert "tinyword==1.2" in locks["OneFlow"]
    assert "tinyword" not in locks["TwoFlow"]


CARD = """
from metaflow import card, current
from metaflow.cards import Markdown
"""


def test_a_card_is_shown_in_a_sandbox(place: Workspace, origin: GitRepository) -> None:
    text = flow_file("OneFlow", more=CARD).replace(
        "    @step\n    def start", "    @card\n    @step\n    def start"
    )
    text = text.replace(
        "        self.said", "        current.card.append(Markdown('# Words of the card'))\n        self.said"
    )
    origin.commit({"flows/one.py": text})
    place.deploy(repo=git_repository(place, origin, "cards"), folder="f/cards", flows=["flows/one.py"])
    run = place.run("f/cards/OneFlow")
    assert run["success"], run["result"]
    page = place.server.ask(
        "POST", "/jobs/run_wait_result/p/f/metaflow/show_card", json={"run": run["result"]["run_id"]}
    )
    assert page.status_code == 200, page.text
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert page.text.lstrip().startswith("<!DOCTYPE html>")
    missing = place.script("show_card", run=run["result"]["run_id"], card="nonsense")
    assert "Its cards: default of OneFlow/" in reasons(missing)
    assert "no run" in reasons(place.script("show_card", run="windmill-00000000-0000-4000-8000-000000000000"))
    assert "is not a run" in reasons(place.script("show_card", run="nonsense"))


def test_the_form_offers_the_flows_of_the_repository(place: Workspace, origin: GitRepository) -> None:
    args = {
        "repo": git_repository(place, origin, "form"),
        "_ENTRYPOINT_OVERRIDE": "flows_found",
        "filterText": "",
    }
    job = place.script("compile_and_deploy", **args)
    assert job["success"], job["result"]
    assert [choice["value"] for choice in job["result"]] == ["flows/**/*.py", "flows/one.py", "flows/two.py"]
    job = place.script("compile_and_deploy", **{**args, "filterText": "twofl"})
    assert [choice["value"] for choice in job["result"]] == ["flows/two.py"]


@of_no_use_elsewhere("the form is the embedded server's")
def test_the_form_of_the_embedded_server_deploys_by_a_click(place: Workspace, origin: GitRepository) -> None:
    server, repo = place.server, git_repository(place, origin, "click")
    address = f"{server.url}/scripts/run/f/metaflow/compile_and_deploy?workspace={server.workspace}"
    typed = {"arg.repo": repo, "arg.flows": "flows/one.py", "arg.folder": "f/click", "arg.dry_run": "true"}
    typed |= {"arg.datastore": "local", "arg.datastore_root": str(place.store)}
    headers = {"Authorization": f"Bearer {server.token}", "Origin": server.url}
    answer = requests.post(address, data=typed, headers=headers, timeout=60, allow_redirects=False)
    job = server.finished(answer.headers["location"].removeprefix("/run/"))
    assert job["success"], reasons(job)
    assert list(outcomes(job)) == ["OneFlow"]
    page = requests.get(server.url + answer.headers["location"], headers=headers, timeout=60).text
    assert 'class="markdown"' in page


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ({}, "Choose one in the form"),
        ({"repo": {"url": "ext::sh -c id"}}, "'url'"),
        ({"repo": {"url": "https://x/y"}, "configuration": {"url": "https://x/y"}}, "not both"),
        ({"repo": {"url": "file:///nowhere"}}, "no such repository"),
        ({"repo": {"url": "file:///nowhere"}, "folder": "f/metaflow"}, "'folder'"),
        ({"repo": {"url": "file:///nowhere"}, "ref": "--upload-pack=id"}, "not the name of a branch"),
        ({"repo": {"url": "file:///nowhere"}, "datastore": "ftp"}, "no such repository"),
    ],
)
def test_bad_input_is_one_sentence(place: Workspace, args: dict[str, Any], word: str) -> None:
    job = place.deploy(**args)
    assert not job["success"]
    assert word in reasons(job)
    assert "\n" not in reasons(job).strip()


def test_a_misspelt_subfolder_is_red_and_says_what_there_is(place: Workspace, origin: GitRepository) -> None:
    asked = {"url": origin.url, "subfolder": "flws", "flows": "*.py"}
    job = place.deploy(configuration=asked, folder="f/misspelt")
    assert not job["success"]
    assert "no folder 'flws'" in reasons(job)
    assert "folders there are flows" in reasons(job)
    right = place.deploy(configuration={**asked, "subfolder": "flows"}, folder="f/misspelt", dry_run=True)
    assert outcomes(right).keys() == {"OneFlow", "TwoFlow"}, "a list of patterns may be one text"


def test_a_local_datastore_needs_a_place(place: Workspace, origin: GitRepository) -> None:
    job = place.script("compile_and_deploy", repo=git_repository(place, origin, "nowhere"))
    assert "Set 'datastore_root'" in reasons(job)


def test_packages_of_steps_are_windmills_to_install(place: Workspace, origin: GitRepository) -> None:
    asking = flow_file("PackedFlow", more="from metaflow import pypi")
    asking = asking.replace(
        "    @step\n    def end", "    @pypi(packages={'humanize': '4.9.0'})\n    @step\n    def end"
    )
    origin.commit({"flows/packed.py": asking})
    job = place.deploy(repo=git_repository(place, origin, "packed"), folder="f/packed")
    assert job["success"], reasons(job)
    steps = place.server.get("/flows/get/f/packed/PackedFlow")["value"]["modules"]
    code = {module["id"]: module["value"]["content"] for module in steps if "content" in module["value"]}
    assert "#humanize==4.9.0" in code["end"]
    assert "# requirements:" not in code["start"]
    assert "--environment=pypi" in place.record("f/packed/PackedFlow")["top_level"]
    assert "--environment=local" in place.record("f/packed/OneFlow")["top_level"]
    run = place.run("f/packed/PackedFlow")
    assert run["success"], run["result"]
