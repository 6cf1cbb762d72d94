from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from metaflow._vendor import yaml

from metaflow_windmill.errors import DeployError, GitSourceError
from metaflow_windmill.workspace.compiling.configuration import (
    Configuration,
    changed,
    read_configuration,
    read_git_repository,
)

URL = "https://git.example.com/team/flows.git"
TYPE = Path("metaflow_repo.resource-type.yaml")


def test_what_is_not_said_has_its_default() -> None:
    assert read_configuration({"url": URL}) == Configuration(URL)
    assert read_configuration({"url": URL, "branch": None, "flows": [], "folder": ""}) == Configuration(URL)


def test_everything_can_be_said() -> None:
    said = {
        "url": URL,
        "branch": "main",
        "subfolder": "flows/",
        "flows": ["a.py", " **/b*.py "],
        "folder": "f/team/",
        "production": True,
        "tags": ["nightly"],
        "max_workers": 4,
        "pack": 25,
        "memo": True,
        "retry_lost": 0,
    }
    read = read_configuration(said)
    assert (read.subfolder, read.flows, read.folder) == ("flows", ("a.py", "**/b*.py"), "f/team")
    assert (read.production, read.tags, read.max_workers, read.pack) == (True, ("nightly",), 4, 25)
    assert (read.memo, read.retry_lost) == (True, 0)
    assert read_configuration({"url": URL, "retry_lost": None}).retry_lost == -1


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("url", "ftp://host/a", "https or ssh"),
        ("branch", "-x", "not the name"),
        ("subfolder", "../up", "inside the repository"),
        ("flows", ["/etc/*.py"], "inside the repository"),
        ("flows", 7, "a list of texts"),
        ("flows", [1], "a list of texts"),
        ("folder", "f/metaflow", "own scripts"),
        ("folder", "g/x", "not a folder"),
        ("owner", "a b", "user name"),
        ("project_branch", "a/b", "branch name"),
        ("production", "yes", "true or false"),
        ("tags", ["a\nb"], "control"),
        ("worker_tag", "a b", "worker tag"),
        ("allowed_tags", ["a b"], "worker tag"),
        ("max_workers", -1, "from 0"),
        ("pack", 1001, "from 0 to 1000"),
        ("retry_lost", 6, "from -1 to 5"),
        ("retry_lost", "2", "a whole number"),
        ("max_workers", True, "a whole number"),
        ("workflow_timeout", -1, "from 0"),
        ("notify", ["mail=f/team/x"], "Name each channel once"),
        ("notify", ["slack=f/team/x", "slack=f/team/y"], "Name each channel once"),
        ("notify", ["slack"], "Name each channel once"),
        ("datastore", "S3!", "datastore"),
        ("datastore_root", "Relative/path", "absolute"),
        ("datastore_root", "/a/../b", "absolute"),
        ("metadata", "?", "metadata"),
        ("compile_seconds", 0, "from 1"),
        ("compile_megabytes", 1, "from 256"),
        ("repository_megabytes", 0, "from 1"),
        ("token", 5, "a text"),
        ("nonsense", 1, "unknown field"),
    ],
)
def test_the_message_names_the_field(field: str, value: Any, word: str) -> None:
    with pytest.raises(DeployError) as refused:
        read_configuration({"url": URL, field: value})
    assert f"'{field}'" in str(refused.value)
    assert word in str(refused.value)


@pytest.mark.parametrize("value", [None, "f/a/b", [], 5])
def test_something_that_is_no_resource(value: Any) -> None:
    with pytest.raises(DeployError, match="no metaflow_repo resource"):
        read_configuration(value)


def test_a_resource_without_an_address() -> None:
    with pytest.raises(DeployError, match="no 'url'"):
        read_configuration({"branch": "main"})


def test_a_git_repository_of_windmill() -> None:
    read = read_git_repository({"url": URL, "branch": "dev", "folder": "flows", "gpg_key": {"email": "x"}})
    assert (read.url, read.branch, read.subfolder, read.folder) == (URL, "dev", "flows", "f/flows")


def test_what_only_a_configuration_has_is_not_dropped_from_a_git_repository() -> None:
    with pytest.raises(DeployError, match=r"has 'subfolder', 'flows', which only a metaflow_repo has"):
        read_git_repository({"url": URL, "subfolder": "x", "flows": "*.py", "owner": "", "prune": False})
    with pytest.raises(DeployError, match="has 'retry_lost'"):
        read_git_repository({"url": URL, "retry_lost": 0})


def test_a_github_app_is_refused_with_what_to_do() -> None:
    with pytest.raises(DeployError, match="token or a deploy key"):
        read_git_repository({"url": URL, "is_github_app": True})


def test_a_call_goes_over_the_resource_where_it_says_something() -> None:
    base = read_configuration({"url": URL, "owner": "ops", "prune": True})
    new = changed(base, {"owner": "", "folder": "f/x", "flows": ["a.py"], "prune": None, "tags": []})
    assert (new.owner, new.folder, new.flows, new.prune) == ("ops", "f/x", ("a.py",), True)
    with pytest.raises(DeployError, match="'folder' of the call"):
        changed(base, {"folder": "f/metaflow/x"})


def test_files_are_for_the_worker_to_allow() -> None:
    configuration = read_configuration({"url": "file:///srv/flows.git"})
    assert configuration.source(allow_file=True).repository.protocol == "file"
    with pytest.raises(GitSourceError, match="file://"):
        configuration.source()


def test_secrets_are_hidden_and_not_shown() -> None:
    said = {
        "url": "https://bot:hunter22@host/a.git",
        "token": "t0ken-t0ken",
        "webhook_secret": "wh-secret",
        "ssh_key": "-----BEGIN PRIVATE KEY-----\nQUJDREVG\n-----END PRIVATE KEY-----",
    }
    configuration = read_configuration(said)
    for secret in ("hunter22", "t0ken-t0ken", "wh-secret", "QUJDREVG"):
        assert secret not in repr(configuration)
        assert configuration.redactor().text(f"a {secret} b") == (
            "a *** b" if secret != "hunter22" else "a hunter22 b"
        )
    login_only = read_configuration({"url": said["url"]})
    assert login_only.redactor().text("a hunter22 b") == "a *** b"


def test_the_resource_type_says_what_is_read() -> None:
    schema = yaml.safe_load(TYPE.read_text())["schema"]
    names = [item.name for item in fields(Configuration)]
    assert schema["order"] == names
    assert list(schema["properties"]) == names
    assert all(about["description"] for about in schema["properties"].values())
    for name, about in schema["properties"].items():
        default = next(item.default for item in fields(Configuration) if item.name == name)
        if name != "url":
            assert about["default"] == (list(default) if isinstance(default, tuple) else default), name


def test_a_list_may_be_one_text() -> None:
    read = read_configuration({"url": URL, "flows": "flows/a.py", "tags": "one\ntwo\n"})
    assert (read.flows, read.tags) == (("flows/a.py",), ("one", "two"))
