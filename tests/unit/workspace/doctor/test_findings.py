"""What a person, a program and Windmill get to see of findings."""

from __future__ import annotations

import pytest

from metaflow_windmill.workspace.doctor.findings import (
    Finding,
    as_markdown,
    as_result,
    as_text,
    found_at,
    healthy,
    summary,
)

OK = Finding("python", "ok", "3.11.7")
WARN = Finding("folder", "warn", "f/flows does not exist.", "The first deployment makes it.")
BAD = Finding("token", "bad", "Nobody knows it.", "Make a new one.")


def test_text_is_in_columns_with_advice_below_and_a_paragraph_for_each_place() -> None:
    assert as_text([OK, WARN, *found_at("wk-1", [BAD])]).splitlines() == [
        "On this machine:",
        "  ok    python  3.11.7",
        "  warn  folder  f/flows does not exist.",
        "                -> The first deployment makes it.",
        "",
        "On the worker wk-1:",
        "  bad   token   Nobody knows it.",
        "                -> Make a new one.",
        "",
        "3 checks: 1 bad, 1 to look at, 1 well.",
    ]


def test_only_what_is_bad_makes_it_unhealthy() -> None:
    assert healthy([OK, WARN])
    assert not healthy([OK, WARN, BAD])
    assert healthy([])


@pytest.mark.parametrize("finding", [OK, WARN, BAD, *found_at("wk-1", [BAD])])
def test_findings_survive_as_data(finding: Finding) -> None:
    assert Finding.from_json(finding.to_json()) == finding


def test_a_state_of_a_later_version_is_taken_for_a_bad_one() -> None:
    assert Finding.from_json({**OK.to_json(), "state": "terrible"}).state == "bad"


def test_a_result_with_something_bad_is_a_failure_that_says_what_to_do() -> None:
    result = as_result("wk-1", "python3", [OK, WARN, BAD])
    assert (result["wm_renderer"], result["worker"], result["tag"]) == ("markdown", "wk-1", "python3")
    assert [Finding.from_json(item) for item in result["findings"]] == [OK, WARN, BAD]
    assert result["wm_failure"] == f"{summary([OK, WARN, BAD])}\n- token: Nobody knows it. Make a new one."
    assert "wm_failure" not in as_result("wk-1", "python3", [OK, WARN])


def test_the_list_shows_texts_as_they_are() -> None:
    lines = as_markdown("wk_1", [Finding("a|b", "bad", "*x* <b>\nnext", "[do](it)")]).splitlines()
    assert lines[0] == r"## Metaflow on the worker wk\_1"
    assert lines[-1] == r"- ❌ a\|b: \*x\* \<b\> next **\[do\](it)**"
