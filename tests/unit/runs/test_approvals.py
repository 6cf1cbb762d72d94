"""What a run asks, and how an answer is checked before it is sent."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.scripted_server import Answer, scripted_server

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.deployment.placed.approver_checks import check_groups
from metaflow_windmill.errors import DeployError, InvalidParameter
from metaflow_windmill.runs.approvals import Question, answers_of, check_answers, chosen

FIELDS = {
    "why": {"type": "string"},
    "n": {"type": "integer", "default": 3},
    "sure": {"type": "boolean"},
    "where": {"type": "string", "enum": ["eu", "us"]},
}
ASKED = Question("job", "deploy", "deploy/t", "Go?", FIELDS, ("why",))
ITEMS = [Question(f"job {n}", "each", f"each/t-{n}") for n in range(2)]


def test_texts_become_what_the_form_takes() -> None:
    texts = {"why": "good", "n": "4", "sure": "yes", "where": "eu"}
    assert answers_of(ASKED, texts) == {"why": "good", "n": 4, "sure": True, "where": "eu"}
    assert answers_of(ASKED, {"why": "x"}) == {"why": "x", "n": 3}


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        ({"who": "x"}, "has the fields why, n, sure, where, not 'who'"),
        ({"why": "x", "n": "many"}, "'n' takes a whole number, not 'many'"),
        ({"why": "x", "sure": "maybe"}, "'sure' takes true or false"),
        ({"why": "x", "where": "mars"}, "'where' takes one of eu, us"),
        ({}, "asks for why too"),
    ],
)
def test_what_the_form_does_not_take_is_not_sent(texts: dict[str, str], wanted: str) -> None:
    with pytest.raises(InvalidParameter, match=wanted):
        answers_of(ASKED, texts)


def test_a_question_without_a_form_takes_no_answers() -> None:
    with pytest.raises(InvalidParameter, match="has no fields to fill in"):
        check_answers(ITEMS[0], {"x": 1})


def test_which_of_several_questions_is_meant_has_to_be_said() -> None:
    assert chosen([ASKED], "r", None, every=False) == [ASKED]
    assert chosen([*ITEMS, ASKED], "r", "deploy", every=False) == [ASKED]
    assert chosen([*ITEMS, ASKED], "r", "each/t-1", every=False) == [ITEMS[1]]
    assert chosen(ITEMS, "r", "each", every=True) == ITEMS
    for found, task, wanted in (
        ([], None, "r waits for nobody"),
        ([ASKED], "each", "does not wait before 'each'; it waits before deploy/t"),
        (ITEMS, None, "waits before each/t-0, each/t-1: say which by --task"),
    ):
        with pytest.raises(DeployError, match=wanted):
            chosen(found, "r", task, every=False)


@pytest.mark.parametrize("edition", ["CE v1.788.0", "EE v1.788.0"])
def test_groups_are_refused_where_the_server_asks_none(edition: str) -> None:
    asks: Any = {"modules": [{"id": "a", "suspend": {"user_groups_required": {"type": "static"}}}]}
    with scripted_server(Answer(200, edition)) as server:
        windmill = Windmill(HttpTransport(server.url, "token"), "w")
        check_groups(windmill, {"modules": []})
        if edition.startswith("EE"):
            check_groups(windmill, asks)
        else:
            with pytest.raises(DeployError, match="Enterprise edition only, and this server is CE"):
                check_groups(windmill, asks)
