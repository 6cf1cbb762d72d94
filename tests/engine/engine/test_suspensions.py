"""Modules that wait for people: each case was seen on a real 1.788, its results too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.support.engine_bench import Bench, Failing, arms, flow, loop, step
from tests.support.server import wait_until

from metaflow_windmill.devserver.store import jobs
from metaflow_windmill.devserver.store.approval_rows import Answer

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

ANSWERS = {"resume": "resume", "resumes": "resumes", "approvers": "approvers"}
NO = {"error": {"message": "Disapproved by ada", "name": "SuspendedDisapproved"}}
LATE = {"error": {"message": "Timed out waiting to be resumed", "name": "SuspendedTimedOut"}}


def gate(name: str = "ask", *, skip_if: str | None = None, **rules: Json) -> Json:
    skipped = {} if skip_if is None else {"skip_if": {"expr": skip_if}}
    suspend = {"required_events": 1, "timeout": 600, **rules}
    mock = {"enabled": True, "return_value": {"description": "Go on?"}}
    return {"id": name, "value": {"type": "identity"}, "mock": mock, "suspend": suspend, **skipped}


def told(name: str = "b", **rules: Any) -> Json:
    return step(name, inputs=ANSWERS, **rules)


def waiting(stand: Bench) -> list[str]:
    stand.work()
    found = jobs.list_jobs(stand.database, "admins", jobs.JobFilters(suspended=True, oldest_first=True))
    return [row["id"] for row in found]


def say(stand: Bench, flow_job: str, value: Json = None, *, approved: bool = True, by: str = "ada") -> None:
    assert stand.engine.answer(flow_job, Answer(approved, value, by))
    stand.work()


def test_a_flow_waits_and_the_next_module_sees_the_answer(stand: Bench) -> None:
    job = stand.submit(flow(step("a"), gate(), told()))
    assert waiting(stand) == [job]
    seen = stand.seen(job).row
    assert (seen["running"], seen["suspend"]) == (True, 1)
    modules = seen["flow_status"]["modules"]
    assert [(module["id"], module["type"]) for module in modules] == [
        ("a", "Success"),
        ("ask", "Success"),
        ("b", "WaitingForEvents"),
    ]
    assert (modules[2]["job"], modules[2]["count"]) == (modules[1]["job"], 1)
    say(stand, job, {"why": "good"})
    ended = stand.seen(job)
    assert ended.result == {"resume": {"why": "good"}, "resumes": [{"why": "good"}], "approvers": ["ada"]}
    assert [person["approver"] for person in ended.row["flow_status"]["modules"][1]["approvers"]] == ["ada"]
    assert not stand.engine.answer(job, Answer(approved=True))


@pytest.mark.parametrize("rules", [{}, {"retry": {"constant": {"attempts": 2}}, "continue_on_error": True}])
def test_a_refusal_fails_the_flow_whatever_the_next_module_tolerates(stand: Bench, rules: Any) -> None:
    job = stand.submit(flow(step("a"), gate(), told(**rules), step("z")))
    assert waiting(stand) == [job]
    say(stand, job, {"why": "bad"}, approved=False)
    ended = stand.seen(job)
    assert (ended.outcome, ended.result) == ("failure", NO)
    last = ended.row["flow_status"]["modules"][2]
    assert (last["type"], last["job"]) == ("Failure", "00000000-0000-0000-0000-000000000000")
    assert [job.code.path.rpartition("/")[2] for job in stand.ran] == ["a"]


def test_a_refusal_that_is_allowed_for_is_the_last_answer(stand: Bench) -> None:
    job = stand.submit(flow(step("a"), gate(continue_on_disapprove_timeout=True), told()))
    waiting(stand)
    say(stand, job, {"n": 0}, approved=False)
    assert stand.seen(job).result == {"resume": NO, "resumes": [{"n": 0}, NO], "approvers": ["ada"]}


@pytest.mark.parametrize("goes_on", [False, True])
def test_nobody_answers(stand: Bench, goes_on: bool) -> None:
    job = stand.submit(flow(step("a"), gate(timeout=0, continue_on_disapprove_timeout=goes_on), told()))

    def over() -> bool:
        stand.work()
        return stand.seen(job).outcome != "running"

    wait_until(over, 20, "it waits for ever")
    wanted = {"resume": LATE, "resumes": [LATE], "approvers": []} if goes_on else LATE
    assert stand.seen(job).result == wanted


def test_two_have_to_answer_and_the_second_may_refuse(stand: Bench) -> None:
    job = stand.submit(flow(step("a"), gate(required_events=2), told()))
    assert waiting(stand) == [job]
    say(stand, job, {"n": 0})
    assert stand.seen(job).row["suspend"] == 1
    say(stand, job, {"n": 1}, by="bob")
    assert stand.seen(job).result == {
        "resume": {"n": 1},
        "resumes": [{"n": 0}, {"n": 1}],
        "approvers": ["ada", "bob"],
    }
    other = stand.submit(flow(step("a"), gate(required_events=2), told()))
    waiting(stand)
    say(stand, other, {"n": 0})
    say(stand, other, approved=False)
    assert stand.seen(other).result == NO


@pytest.mark.parametrize("parallel", [False, True])
def test_each_item_of_a_loop_waits_for_itself(stand: Bench, parallel: bool) -> None:
    body = (gate(), step("b", inputs={"i": "flow_input.iter.value", "resume": "resume"}))
    job = stand.submit(flow(step("a"), loop("l", "[10, 20]", *body, parallel=parallel)))
    for turn in range(2):
        found = waiting(stand)
        assert len(found) == (2 - turn if parallel else 1)
        say(stand, found[0], {"n": turn})
    assert stand.seen(job).result == [{"i": 10, "resume": {"n": 0}}, {"i": 20, "resume": {"n": 1}}]


def test_an_item_that_is_refused_fails_its_loop_when_all_are_done(stand: Bench) -> None:
    job = stand.submit(flow(step("a"), loop("l", "[10, 20]", gate(), step("b", inputs={"r": "resume"}))))
    first, second = waiting(stand)
    say(stand, first, approved=False)
    say(stand, second, 2)
    assert (stand.seen(job).outcome, stand.seen(job).result) == ("failure", [NO, {"r": 2}])


def test_branches_wait_side_by_side(stand: Bench) -> None:
    both = arms("s", [gate("ask1"), told("b1")], [gate("ask2"), told("b2")])
    job = stand.submit(flow(step("a"), both))
    for number, found in enumerate(waiting(stand)):
        say(stand, found, number)
    assert [answer["resume"] for answer in stand.seen(job).result] == [0, 1]


def test_a_module_that_was_skipped_asks_nobody(stand: Bench) -> None:
    seen = stand.run(flow(step("a"), gate(skip_if="true"), told()))
    assert seen.result == {"resume": None, "resumes": [], "approvers": []}


def test_nobody_is_asked_where_no_answer_is_required(stand: Bench) -> None:
    assert stand.run(flow(step("a"), gate(required_events=0), told())).result["resumes"] == []


def test_a_container_and_its_iterator_may_follow(stand: Bench) -> None:
    job = stand.submit(flow(step("a"), gate(), loop("l", "resume", step("b", inputs={"r": "resume"}))))
    waiting(stand)
    say(stand, job, [1, 2])
    assert stand.seen(job).result == [{"r": None}, {"r": None}]


def test_the_last_module_may_wait(stand: Bench) -> None:
    job = stand.submit(flow(step("a"), gate()))
    assert waiting(stand) == [job]
    assert stand.seen(job).row["flow_status"]["modules"][2]["id"] == "ask-v"
    say(stand, job, 1)
    assert stand.seen(job).result == {"description": "Go on?"}


@pytest.mark.parametrize("by_force", [False, True])
def test_a_flow_that_waits_is_canceled(stand: Bench, by_force: bool) -> None:
    job = stand.submit(flow(step("a"), gate(), told()))
    waiting(stand)
    act = stand.engine.force_cancel if by_force else stand.engine.cancel
    assert act(job, "ada", "no")
    stand.work()
    assert stand.seen(job).outcome == "canceled"
    assert waiting(stand) == []


def test_another_attempt_keeps_the_answer(stand: Bench) -> None:
    tries: list[Json] = []

    def flaky(args: dict[str, Json]) -> Json:
        tries.append(args)
        if len(tries) == 1:
            raise Failing("first")
        return args

    stand.answers["flaky"] = flaky
    job = stand.submit(
        flow(step("a"), gate(), step("b", "flaky", inputs=ANSWERS, retry={"constant": {"attempts": 1}}))
    )
    waiting(stand)
    say(stand, job, 7)
    assert stand.seen(job).result["resumes"] == [7]
    assert tries[0] == tries[1]
