"""Whose a deployed flow is, who may replace it, and the token that it carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from metaflow_windmill.client.models import Flow
from metaflow_windmill.contract.record import PackageInfo, Record, StoreInfo
from metaflow_windmill.deployment.described.names import DeploymentId
from metaflow_windmill.deployment.placed.ownership import (
    TokenWish,
    check_allowed,
    choose_token,
    our_record,
    record_in,
)
from metaflow_windmill.errors import DeployError, InvalidDocument, NotOurs

RECORD = Record(
    flow="Hello",
    owner="alice",
    token="hello-0-abcd",
    package=PackageInfo("", "", "", ""),
    datastore=StoreInfo("local"),
    metadata=StoreInfo("local"),
)


def deployed(record: Any) -> Flow:
    environment = {} if record is None else {"flow_env": {"metaflow": record}}
    return Flow.from_json({"path": "f/flows/Hello", "value": {"modules": [], **environment}})


def test_our_own() -> None:
    assert our_record(deployed(RECORD.to_json()), DeploymentId("Hello")) == RECORD


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (None, "there is a flow at f/flows/Hello that Metaflow did not deploy; move it away"),
        (
            replace(RECORD, flow="Other").to_json(),
            "the flow at f/flows/Hello is the deployment of Other, not of Hello; deploy to another place",
        ),
        (
            replace(RECORD, project="shop", branch="prod").to_json(),
            "the flow at f/flows/Hello is the deployment of Hello of shop/prod, not of Hello",
        ),
        ({"format": 99}, "the flow at f/flows/Hello was not written by this version"),
    ],
)
def test_not_ours(record: Any, sentence: str) -> None:
    with pytest.raises(NotOurs) as caught:
        our_record(deployed(record), DeploymentId("Hello"))
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("value", [None, {}, {"flow_env": None}, {"flow_env": {"x": 1}}])
def test_no_record(value: Any) -> None:
    assert record_in(value) is None


def test_a_broken_record() -> None:
    with pytest.raises(InvalidDocument):
        record_in({"flow_env": {"metaflow": {"format": 1}}})


@pytest.mark.parametrize(
    ("user", "wish"),
    [
        ("alice", TokenWish()),
        ("alice", TokenWish(authorize="wrong")),
        ("bob", TokenWish(authorize="hello-0-abcd")),
        ("bob", TokenWish(authorize="production:hello-0-abcd")),
        ("bob", TokenWish(cached="hello-0-abcd")),
    ],
)
def test_who_may(user: str, wish: TokenWish) -> None:
    check_allowed(RECORD, user, wish, "delete")


@pytest.mark.parametrize(
    "wish", [TokenWish(), TokenWish(authorize="hello-1-efgh"), TokenWish("wrong", cached="hello-0-abcd")]
)
def test_who_may_not(wish: TokenWish) -> None:
    with pytest.raises(NotOurs, match=r"Hello was deployed by alice; to delete it, .* --authorize TOKEN"):
        check_allowed(RECORD, "bob", wish, "delete")


def test_tokens() -> None:
    first = choose_token(None, DeploymentId("Hello"), TokenWish())
    assert first == "hello-0-smtq"  # Metaflow's own generator: the same prefix gives the same token
    previous = replace(RECORD, token=first)
    assert choose_token(previous, DeploymentId("Hello"), TokenWish()) == first
    assert choose_token(previous, DeploymentId("Hello"), TokenWish(generate=True)).startswith("hello-1-")
    assert choose_token(previous, DeploymentId("Hello"), TokenWish(given="mine")) == "mine"
    assert choose_token(previous, DeploymentId("Hello"), TokenWish(given="production:mine")) == "mine"


def test_tokens_of_a_project_are_shared() -> None:
    with pytest.raises(DeployError, match="--new-token cannot be used with @project"):
        choose_token(None, DeploymentId("Hello", None, "x", "user.alice"), TokenWish(given="mine"))


def test_no_next_token_after_a_chosen_one() -> None:
    with pytest.raises(DeployError, match="choose the next one by --new-token too"):
        choose_token(replace(RECORD, token="mine"), DeploymentId("Hello"), TokenWish(generate=True))
