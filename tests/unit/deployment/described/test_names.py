"""Paths, labels and prefixes: each part made valid by itself, no two deployments at one place."""

from __future__ import annotations

import pytest

from metaflow_windmill.contract.record import PackageInfo, Record, StoreInfo
from metaflow_windmill.deployment.described.names import (
    DeploymentId,
    checked_folder,
    flow_path,
    job_id_of,
    labels_of,
    run_id_of,
    token_prefix,
    valid_part,
)
from metaflow_windmill.errors import DeployError

JOB = "0198c0de-1234-7000-8000-000000000000"


def record(flow: str = "Hello", project: str | None = None, branch: str | None = None) -> Record:
    return Record(
        flow=flow,
        owner="alice",
        token="hello-0-abcd",
        package=PackageInfo("", "", "", ""),
        datastore=StoreInfo("local"),
        metadata=StoreInfo("local"),
        project=project,
        branch=branch,
    )


@pytest.mark.parametrize(
    ("identity", "path"),
    [
        (DeploymentId("HelloFlow"), "f/flows/HelloFlow"),
        (DeploymentId("HelloFlow", name="hello-two"), "f/flows/hello-two"),
        (DeploymentId("HelloFlow", project="shop", branch="prod"), "f/flows/shop/prod/HelloFlow"),
        (DeploymentId("HelloFlow", project="shop", branch="prod.x"), "f/flows/shop/prod-x/HelloFlow"),
        (DeploymentId("HelloFlow", project="shop", branch="test.a_b"), "f/flows/shop/test-a_b/HelloFlow"),
        (DeploymentId("HelloFlow", project="shop", branch="user.alice"), "f/flows/shop/user-alice/HelloFlow"),
        (
            DeploymentId("HelloFlow", project="shop", branch="user.al@x.com"),
            "f/flows/shop/user-al-x-com-8953735f/HelloFlow",
        ),
        (DeploymentId("Größe"), "f/flows/Gr-e-aedc3f80"),
    ],
)
def test_paths(identity: DeploymentId, path: str) -> None:
    assert flow_path("f/flows/", identity) == path


def test_changed_parts_stay_apart() -> None:
    users = ["al.x", "al@x", "al+x", "al x", "al--x", "al-x", "AL-x", "al_x"]
    parts = {flow_path("f/flows", DeploymentId("F", project="p", branch=f"user.{user}")) for user in users}
    assert len(parts) == len(users)


@pytest.mark.parametrize("text", ["x" * 300, "ж" * 40, "@", ""])
def test_any_text_gives_a_part(text: str) -> None:
    part = valid_part(text)
    assert 0 < len(part) <= 100
    assert part.replace("-", "").isalnum()
    assert part.isascii()


@pytest.mark.parametrize("folder", ["f/flows", "u/alice", "f/team-a/sub_folder"])
def test_folders(folder: str) -> None:
    assert checked_folder(f" {folder}/ ") == folder


@pytest.mark.parametrize("folder", ["", "flows", "g/all", "f/", "f/a b", "f/metaflow", "f/metaflow/x"])
def test_what_is_no_folder(folder: str) -> None:
    with pytest.raises(DeployError, match=r"write it like f/flows or u/alice|choose another folder"):
        checked_folder(folder)


def test_names_are_checked() -> None:
    with pytest.raises(DeployError, match="'a/b' cannot be the name of a deployment"):
        flow_path("f/flows", DeploymentId("F", name="a/b"))


def test_a_path_that_is_too_long() -> None:
    with pytest.raises(DeployError, match="has 309 characters and Windmill takes 255"):
        flow_path("f/flows", DeploymentId("F" * 100, project="p" * 100, branch="test." + "b" * 94))


def test_labels() -> None:
    assert labels_of(record()) == ("metaflow", "flow:Hello")
    assert labels_of(record(project="shop", branch="user.al")) == (
        "metaflow",
        "flow:Hello",
        "project:shop",
        "branch:user.al",
    )
    assert labels_of(record(project="shop", branch="prod.x"))[-1] == "production"


def test_token_prefixes_are_those_of_metaflow() -> None:
    assert token_prefix(DeploymentId("HelloFlow")) == "helloflow"
    assert token_prefix(DeploymentId("HelloFlow", name="Two")) == "two"
    shared = {token_prefix(DeploymentId(flow, project="shop", branch="prod")) for flow in ("A", "B")}
    assert shared == {"mfprj-rlcy5q3tt7xgwd7k"}


def test_run_ids() -> None:
    assert run_id_of(JOB) == f"windmill-{JOB}"
    for text in (f"windmill-{JOB}", f"HelloFlow/windmill-{JOB}", JOB, f" {JOB.upper()} "):
        assert job_id_of(text) == JOB
    with pytest.raises(DeployError, match="'1234' is not a run on Windmill"):
        job_id_of("1234")


def test_ownership() -> None:
    assert DeploymentId("Hello").owns(record())
    assert DeploymentId("Hello", name="other").owns(record())
    assert not DeploymentId("Other").owns(record())
    assert not DeploymentId("Hello", project="shop", branch="prod").owns(record())
    assert str(DeploymentId.of(record(project="shop", branch="prod"))) == "Hello of shop/prod"
