from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha1
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.deployments import SCRIPT, fixed_deployment

from metaflow_windmill.contract.record import GitInfo, ParameterInfo, StoreInfo
from metaflow_windmill.deployment.placed.difference import as_document
from metaflow_windmill.errors import DeployError, InvalidDocument, PackageError
from metaflow_windmill.package.script import split_requirements, with_requirements
from metaflow_windmill.workspace.compiling.compilation import Compiled
from metaflow_windmill.workspace.compiling.configuration import Configuration
from metaflow_windmill.workspace.compiling.decisions import Decided, decide, expected_branch, lock_with
from metaflow_windmill.workspace.compiling.discovery import FlowFile
from metaflow_windmill.workspace.compiling.document_changes import changes, is_deployed
from metaflow_windmill.workspace.compiling.stores import (
    Stores,
    carry_over,
    read_package,
    relocated,
    stores_for,
)
from metaflow_windmill.workspace.compiling.vetting import Vetted

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.contract.record import Record

from metaflow_windmill.client.models import Flow

URL = "https://git.example.com/flows.git"
GIT = GitInfo(URL, "c" * 40, "flows/one.py", "refs/heads/main", "d" * 64)
FILE = FlowFile("flows/one.py", ("OneFlow",))


def step(**more: Any) -> dict[str, Any]:
    value = {
        "type": "rawscript",
        "language": "python3",
        "content": SCRIPT,
        "input_transforms": {},
        "lock": "old",
        **more,
    }
    return {"id": "start", "value": value}


def compiled(saved: Path, record: Record, *modules: Any) -> Compiled:
    value = {"modules": list(modules) or [step()], "flow_env": {"metaflow": record.to_json()}}
    document = {
        "path": "f/theirs/x",
        "summary": "OneFlow",
        "description": "",
        "value": value,
        "schema": {},
        "labels": ["theirs"],
    }
    return Compiled(Vetted(document, record), saved, 0.1)


@pytest.fixture
def record() -> Record:
    made = fixed_deployment("OneFlow").record
    return replace(made, owner="theirs", tags=("theirs",), namespace="theirs", git=None)


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    root = f"{tmp_path}/store/.metaflow"
    return Stores(StoreInfo("local", root), StoreInfo("local", f"{tmp_path}/store"), f"{root}/data")


def decided(tmp_path: Path, record: Record, stores: Stores, *modules: Any, **said: Any) -> Decided:
    configuration = Configuration(URL, **said)
    made = compiled(tmp_path / "scratch" / "saved", record, *modules)
    return decide(made, FILE, configuration, stores, owner="ada", git=GIT, pins=("numpy==2.0",))


def test_place_identity_stores_and_origin_are_the_jobs(
    tmp_path: Path, record: Record, stores: Stores
) -> None:
    made = decided(tmp_path, record, stores, folder="f/team", tags=("nightly",))
    assert made.path == "f/team/OneFlow"
    assert made.document["labels"] == ["metaflow", "flow:OneFlow"]
    new = made.record
    assert (new.owner, new.tags, new.namespace, new.git) == ("ada", ("nightly",), None, GIT)
    assert (new.datastore, new.metadata) == (stores.datastore, stores.metadata)
    assert made.document["value"]["flow_env"]["metaflow"] == new.to_json()


def test_the_lock_is_the_jobs_and_the_requirements_pins(
    tmp_path: Path, record: Record, stores: Stores
) -> None:
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": []}, "modules": [step()]}
    made = decided(tmp_path, record, stores, step(), {"id": "l", "value": loop})
    outer, inner = made.document["value"]["modules"]
    for script in (outer["value"], inner["value"]["modules"][0]["value"]):
        lines = script["lock"].splitlines()
        assert lines[0].startswith("# py: 3.")
        assert "numpy==2.0" in lines
        assert any(line.startswith("requests==") for line in lines)


def test_the_repositorys_pins_come_before_the_jobs_versions() -> None:
    lock = lock_with("# py: 3.12\nrequests==2\nurllib3==1", ("Urllib3==2", "zzz @ https://x/z.whl"))
    assert lock == "# py: 3.12\nrequests==2\nUrllib3==2\nzzz @ https://x/z.whl"


def test_a_step_with_packages_of_its_own_names_all_of_them(tmp_path: Path, record: Record) -> None:
    cloud = Stores(StoreInfo("s3", "s3://b/m"), StoreInfo("service"), "s3://b/m/data")
    own = step(content=with_requirements(SCRIPT, ["pandas==2.2", "numpy==1.26"], "3.11"))
    made = decided(tmp_path, record, cloud, own)
    script = made.document["value"]["modules"][0]["value"]
    assert "lock" not in script
    code, lines, python = split_requirements(script["content"])
    assert (code, python) == (SCRIPT, "3.11")
    assert set(lines) == {"boto3", "requests", "pandas==2.2", "numpy==1.26"}


def test_secrets_are_references_that_the_configuration_names(
    tmp_path: Path, record: Record, stores: Stores
) -> None:
    forged = step(input_transforms={"secrets": {"type": "static", "value": {"X": "theirs"}}})
    mine = replace(record, variables={"METAFLOW_A": "1", "METAFLOW_KEY": "plain"})
    made = decided(tmp_path, mine, stores, forged, secrets=("METAFLOW_KEY=f/team/key",))
    inputs = made.document["value"]["modules"][0]["value"]["input_transforms"]
    assert inputs["secrets"] == {"type": "static", "value": {"METAFLOW_KEY": "$var:f/team/key"}}
    assert made.record.variables == {"METAFLOW_A": "1"}
    assert (
        "secrets"
        not in decided(tmp_path, mine, stores, forged).document["value"]["modules"][0]["value"][
            "input_transforms"
        ]
    )


def test_channels_are_told_to_the_job_that_notifies_alone(
    tmp_path: Path, record: Record, stores: Stores
) -> None:
    task = {"type": "static", "value": {"notify": {"channels": {"slack": {}}, "failed": True}}}
    made = decided(
        tmp_path,
        replace(record, workflow_timeout=5),
        stores,
        step(),
        step(input_transforms={"task": task}),
        secrets=("KEY=f/team/key",),
        notify=("slack=f/team/slack",),
        notify_on_error=True,
        workflow_timeout=60,
    )
    plain, notifying = (module["value"]["input_transforms"] for module in made.document["value"]["modules"])
    assert plain["secrets"]["value"] == {"KEY": "$var:f/team/key"}
    told = {"KEY": "$var:f/team/key", "METAFLOW_WINDMILL_NOTIFY_SLACK": "$var:f/team/slack"}
    assert notifying["secrets"]["value"] == told
    assert made.record.workflow_timeout == 60


def test_the_workspaces_rules_choose_workers_too(
    tmp_path: Path, record: Record, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METAFLOW_WINDMILL_WORKER_TAGS", '[{"tag": "big", "memory": 8000}]')
    made = decided(tmp_path, record, stores, step(tag="big"), {**step(), "id": "b"})
    tags = [module["value"].get("tag") for module in made.document["value"]["modules"]]
    assert tags == ["big", None]
    with pytest.raises(DeployError, match=r"'other'.*'big' now"):
        decided(tmp_path, record, stores, step(tag="other"))


@pytest.mark.parametrize(
    ("asked", "said", "tag"),
    [
        ("batch", {"worker_tag": "batch"}, "batch"),
        (None, {"worker_tag": "batch"}, "batch"),
        ("gpu", {"worker_tag": "batch", "allowed_tags": ("gpu",)}, "gpu"),
    ],
)
def test_who_chooses_the_workers(  # noqa: PLR0917 - the row of the table
    tmp_path: Path, record: Record, stores: Stores, asked: str | None, said: dict[str, Any], tag: str | None
) -> None:
    more = {"tag": asked} if asked else {}
    made = decided(tmp_path, record, stores, step(**more), **said)
    assert made.document["value"]["modules"][0]["value"].get("tag") == tag


@pytest.mark.parametrize(
    ("said", "allowed"),
    [({}, "none now"), ({"worker_tag": "batch", "allowed_tags": ("gpu", "big")}, "'big', 'gpu' now")],
)
def test_workers_that_a_step_may_not_choose_are_refused(
    tmp_path: Path, record: Record, stores: Stores, said: dict[str, Any], allowed: str
) -> None:
    inputs = {"task": {"type": "static", "value": {"step": "train"}}}
    modules = (step(tag="root", input_transforms=inputs), step(tag="gpu"))
    with pytest.raises(DeployError, match=rf"train for 'root'.*allowed_tags.*{allowed}"):
        decided(tmp_path, record, stores, *modules, **said)


@pytest.mark.parametrize(
    ("said", "branch"),
    [
        ({}, "user.ada"),
        ({"project_branch": "x"}, "test.x"),
        ({"production": True}, "prod"),
        ({"production": True, "project_branch": "x"}, "prod.x"),
    ],
)
def test_the_branch_of_a_project(
    tmp_path: Path, record: Record, stores: Stores, said: dict[str, Any], branch: str
) -> None:
    assert expected_branch(Configuration(URL, **said), "ada") == branch
    made = decided(tmp_path, replace(record, project="demo", branch=branch), stores, **said)
    assert made.record.branch == branch
    with pytest.raises(DeployError, match=r"calls its branch prod\.theirs"):
        decided(tmp_path, replace(record, project="demo", branch="prod.theirs"), stores, **said)


def test_claims_that_are_refused(tmp_path: Path, record: Record, stores: Stores) -> None:
    with pytest.raises(InvalidDocument, match="does not define"):
        decided(tmp_path, replace(record, flow="OtherFlow"), stores)
    with pytest.raises(InvalidDocument, match="not Metaflow's"):
        decided(tmp_path, replace(record, variables={"LD_PRELOAD": "/x.so"}), stores)
    with pytest.raises(InvalidDocument, match="only while it is compiled"):
        decided(tmp_path, replace(record, variables={"METAFLOW_X": f"{tmp_path}/scratch/saved/x"}), stores)


def test_addresses_of_included_files_are_those_of_the_store(tmp_path: Path, stores: Stores) -> None:
    inner = json.dumps({"type": "uploader-v2", "url": f"local://{tmp_path}/scratch/saved/files/OneFlow/abc"})
    moved = relocated({"default": inner}, tmp_path / "scratch" / "saved", stores)
    assert json.loads(moved["default"])["url"] == f"local://{stores.files}/OneFlow/abc"
    cloud = Stores(StoreInfo("s3", "s3://b/m"), StoreInfo("service"), "s3://b/m/data")
    moved = relocated({"default": inner}, tmp_path / "scratch" / "saved", cloud)
    assert json.loads(moved["default"])["url"] == "s3://b/m/data/OneFlow/abc"


def test_the_record_has_the_new_addresses_too(tmp_path: Path, record: Record, stores: Stores) -> None:
    inner = json.dumps({"url": f"local://{tmp_path}/scratch/saved/files/OneFlow/abc"})
    info = ParameterInfo("text", "text", "file", default=inner)
    made = decided(tmp_path, replace(record, parameters=(info,)), stores)
    assert json.loads(made.record.parameters[0].default)["url"] == f"local://{stores.files}/OneFlow/abc"
    assert made.document["value"]["flow_env"]["metaflow"] == made.record.to_json()


def save(folder: Path, flow: str, content: bytes) -> tuple[str, str]:
    sha = sha1(content).hexdigest()
    place = folder / flow / "data" / sha[:2] / sha
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    (folder / "files").mkdir(exist_ok=True)
    return str(place), sha


def test_the_package_is_carried_over_as_metaflow_saves_it(
    tmp_path: Path, record: Record, stores: Stores
) -> None:
    url, sha = save(tmp_path / "scratch" / "saved", "OneFlow", b"the package")
    (tmp_path / "scratch" / "saved" / "files" / "OneFlow").mkdir()
    (tmp_path / "scratch" / "saved" / "files" / "OneFlow" / ("a" * 40)).write_bytes(b"included")
    (tmp_path / "scratch" / "saved" / "files" / "OneFlow" / "other").write_bytes(b"not a name of Metaflow's")
    mine = replace(record, package=replace(record.package, url=url, sha=sha))
    content = read_package(tmp_path / "scratch" / "saved", mine)
    package = carry_over(tmp_path / "scratch" / "saved", mine, stores, content)
    assert package.url == f"{stores.datastore.root}/OneFlow/data/{sha[:2]}/{sha}"
    from metaflow.datastore import FlowDataStore
    from metaflow.plugins.datastores.local_storage import LocalStorage

    store = FlowDataStore("OneFlow", storage_impl=LocalStorage, ds_root=stores.datastore.root)
    assert [content for _, content in store.load_data([sha], force_raw=True)] == [b"the package"]
    carried = tmp_path / "store" / ".metaflow" / "data" / "OneFlow"
    assert [path.name for path in carried.iterdir() if not path.name.endswith("_meta")] == ["a" * 40]


def test_a_package_that_is_not_what_it_says(tmp_path: Path, record: Record) -> None:
    url, sha = save(tmp_path / "scratch" / "saved", "OneFlow", b"the package")
    mine = replace(record, package=replace(record.package, url=url, sha=sha))
    secret = tmp_path / "secret"
    secret.write_bytes(b"the package")
    for bad in (replace(mine.package, url=str(secret)), replace(mine.package, sha="../" * 13 + "x")):
        with pytest.raises(PackageError, match="not its own"):
            read_package(tmp_path / "scratch" / "saved", replace(mine, package=bad))
    place = tmp_path / "scratch" / "saved" / "OneFlow" / "data" / sha[:2] / sha
    place.write_bytes(b"another one")
    with pytest.raises(PackageError, match="not what its sha says"):
        read_package(tmp_path / "scratch" / "saved", mine)
    place.unlink()
    place.symlink_to(secret)
    with pytest.raises(PackageError, match="did not save"):
        read_package(tmp_path / "scratch" / "saved", mine)
    place.unlink()
    place.mkdir()
    with pytest.raises(PackageError, match="is no file"):
        read_package(tmp_path / "scratch" / "saved", mine)


def test_a_store_that_cannot_be_written(tmp_path: Path, record: Record) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "scratch" / "saved" / "files").mkdir(parents=True)
    nowhere = Stores(StoreInfo("local", f"{tmp_path}/file/x"), StoreInfo("local"), f"{tmp_path}/file/x/data")
    with pytest.raises(PackageError, match="cannot be saved in"):
        carry_over(tmp_path / "scratch" / "saved", record, nowhere, b"x")


def test_where_flows_keep_their_data(tmp_path: Path) -> None:
    found = stores_for(Configuration(URL, datastore="local", datastore_root=str(tmp_path)))
    assert found.datastore == StoreInfo("local", f"{tmp_path}/.metaflow")
    assert found.files == f"{tmp_path}/.metaflow/data"
    again = stores_for(Configuration(URL, datastore="local", datastore_root=f"{tmp_path}/.metaflow"))
    assert again == found
    cloud = stores_for(
        Configuration(
            URL, datastore="s3", datastore_root="s3://b/m", metadata="service", metadata_url="http://m"
        )
    )
    assert (cloud.datastore, cloud.files) == (StoreInfo("s3", "s3://b/m"), "s3://b/m/data")
    assert cloud.metadata == StoreInfo("service", "http://m")
    blobs = stores_for(Configuration(URL, datastore="azure", datastore_root="flows/m"))
    assert (blobs.datastore, blobs.files) == (StoreInfo("azure", "flows/m"), "flows/m/data")
    with pytest.raises(DeployError, match="The datastore local has no root 'flows/m': give an absolute path"):
        stores_for(Configuration(URL, datastore="local", datastore_root="flows/m"))
    with pytest.raises(DeployError, match="no datastore 'ftp'"):
        stores_for(Configuration(URL, datastore="ftp"))
    with pytest.raises(DeployError, match=r"service at m\.example holds a user name or a password"):
        stores_for(
            Configuration(
                URL,
                datastore="local",
                datastore_root="/x",
                metadata="service",
                metadata_url="https://a:b@m.example",
            )
        )


def flow(document: Any, **more: Any) -> Flow:
    plain = {**document, "archived": False, "edited_by": "x", **more}
    return Flow.from_json(plain)


def test_what_counts_as_deployed(tmp_path: Path, record: Record, stores: Stores) -> None:
    made = decided(tmp_path, record, stores)
    there = flow(made.document, description="of another commit")
    assert as_document(there)["labels"] == made.document["labels"]
    assert is_deployed(there, made.document)
    other_commit = replace(
        made.record,
        git=replace(GIT, commit="e" * 40),
        token="another",
        package=replace(made.record.package, sha="f" * 40),
    )
    value = {**made.document["value"], "flow_env": {"metaflow": other_commit.to_json()}}
    assert is_deployed(there, {**made.document, "value": value})
    changed = replace(other_commit, git=replace(GIT, content="0" * 64))
    value = {**made.document["value"], "flow_env": {"metaflow": changed.to_json()}}
    assert not is_deployed(there, {**made.document, "value": value})
    assert not is_deployed(flow(made.document, archived=True), made.document)
    assert not is_deployed(there, {**made.document, "schema": {"properties": {"a": {}}}})
    assert not is_deployed(there, {**made.document, "value": {**made.document["value"], "modules": []}})


def test_changes_are_told_line_by_line(tmp_path: Path, record: Record, stores: Stores) -> None:
    made = decided(tmp_path, record, stores)
    assert changes(flow(made.document), made.document) == ""
    assert "+ step start" in changes(None, made.document)
    patient = {**step(), "retry": {"constant": {"attempts": 3, "seconds": 0}}}
    told = changes(flow(made.document), decided(tmp_path, record, stores, patient).document)
    assert "+ step start: retry: {'constant': {'attempts': 3" in told
    assert SCRIPT.strip() not in told
    many = [{**step(), "id": f"s{number}"} for number in range(500)]
    told = changes(None, decided(tmp_path, record, stores, *many).document)
    assert told.splitlines()[-1] == "... and 100 more changes"
