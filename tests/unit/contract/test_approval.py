from __future__ import annotations

from typing import Any

import pytest

from metaflow_windmill.contract.approval import (
    USUAL_TIMEOUT,
    Approval,
    InvalidApproval,
    not_asked,
    read_approval,
    told,
)

NO = {"error": {"message": "Disapproved by bob", "name": "SuspendedDisapproved"}}


@pytest.mark.parametrize("given", [None, False, "false"])
def test_nobody_is_asked(given: Any) -> None:
    assert read_approval(given) is None


def test_the_shortest_ways_to_ask() -> None:
    assert read_approval(True) == Approval() == read_approval("true")  # from --with windmill:approval=true
    assert read_approval("Shall we?") == Approval(ask="Shall we?")
    assert Approval().timeout == USUAL_TIMEOUT


def test_a_form_of_types_choices_and_members_of_a_schema() -> None:
    form = {
        "why": str,
        "share": float,
        "sure": bool,
        "where": ["eu", "us"],
        "n": {"type": "integer", "default": 3},
    }
    approval = read_approval({"form": form})
    assert approval is not None
    schema = approval.schema()
    assert {name: item["type"] for name, item in schema["properties"].items()} == {
        "why": "string",
        "share": "number",
        "sure": "boolean",
        "where": "string",
        "n": "integer",
    }
    assert schema["properties"]["where"]["enum"] == ["eu", "us"]
    assert schema["required"] == ["why", "share", "where"]
    assert schema["order"] == list(form)
    assert read_approval(approval.to_json()) == approval


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (3, "approval takes True, a question, or a dictionary"),
        ({"asks": "x"}, "approval takes True, a question, or a dictionary"),
        ({"timeout": 0}, "timeout of an approval takes a whole number, 1 to"),
        ({"required": True}, "required of an approval takes a whole number"),
        ({"groups": "all"}, "groups of an approval takes a list"),
        ({"self_approval": "no"}, "self_approval of an approval takes True or False"),
        ({"otherwise": "stop"}, "otherwise of an approval takes 'fail' or 'continue'"),
        ({"form": ["why"]}, "form of an approval takes a dictionary"),
        ({"form": {"why": object}}, "the field 'why' of an approval takes str, int"),
        ({"artifact": "_x"}, "artifact of an approval takes the name of an attribute"),
    ],
)
def test_what_is_no_approval_is_refused_by_name(given: Any, wanted: str) -> None:
    with pytest.raises(InvalidApproval, match=wanted):
        read_approval(given)


def test_what_a_step_is_told_of_a_yes() -> None:
    assert told([{"why": "a"}, None], ["ada", "bob"]) == {
        "approved": True,
        "answers": {},
        "by": ["ada", "bob"],
        "all": [{"by": "ada", "answers": {"why": "a"}}, {"by": "bob", "answers": {}}],
        "why_not": None,
    }


def test_what_a_step_is_told_of_a_no_and_of_silence() -> None:
    refused = told([{"why": "bad"}, NO], ["bob"])
    assert (refused["approved"], refused["answers"], refused["why_not"]) == (
        False,
        {"why": "bad"},
        "Disapproved by bob",
    )
    assert told([NO], [])["approved"] is False
    assert told([], []) == {"approved": True, "answers": {}, "by": [], "all": [], "why_not": None}


def test_where_nobody_can_be_asked_the_form_s_defaults_are_the_answer() -> None:
    approval = Approval(form={"n": {"type": "integer", "default": 3}, "why": {"type": "string"}})
    assert not_asked(approval)["answers"] == {"n": 3}
