from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from metaflow_windmill.contract.report import MOST_CHARACTERS
from metaflow_windmill.runtime.report.artifacts import Artifact
from metaflow_windmill.runtime.report.page import SucceededRun, page_of, size_text, time_text
from metaflow_windmill.runtime.report.step_outcomes import StepTimes, times_of, with_end, with_tasks

RUN = "windmill-1"
ENDED = SucceededRun(
    pathspec=f"Flow/{RUN}",
    token="flow-0-abcd",
    workspace="team",
    end="end",
    seconds=72.0,
    steps=[StepTimes("train", 30, 2, 60.0, 4.1), StepTimes("end", 1, 0, 0.3, 0.3)],
    artifacts=[Artifact("best", "int", 5, "3"), Artifact("model", "sklearn.Model", 5_100_000)],
    cards={"train": ["default"], "skipped": ["default"]},
    pages=True,
    said=[("end", "sum", "best **3**")],
)


def test_a_page_says_what_became_of_the_run_and_how_to_read_it() -> None:
    page = page_of(ENDED)
    assert page.startswith("## Flow succeeded in 1 min 12 s, 31 tasks, 2 retries\n")
    code = page.partition("```python\n")[2].partition("\n```")[0]
    assert code.splitlines() == [
        "from metaflow import Run, namespace",
        'namespace("production:flow-0-abcd")',
        'run = Run("Flow/windmill-1")',
    ]
    rows = [line.split() for line in page.splitlines()]
    assert ["best", "int", "5", "B", "3"] in rows
    assert ["model", "sklearn.Model", "5.1", "MB"] in rows
    assert ["train", "30", "2", "1", "min", "0", "s", "4.1", "s"] in rows
    assert page.endswith("### Card `sum` of end\n\nbest **3**")


def test_a_card_is_a_link_that_windmill_answers_with_the_card() -> None:
    link = page_of(ENDED).partition("](")[2].partition(")")[0]
    assert link.startswith("/api/w/team/jobs/run_wait_result/p/f/metaflow/show_card?")
    (payload,) = parse_qs(urlsplit(link).query)["payload"]
    assert json.loads(base64.b64decode(payload)) == {"run": RUN, "step": "train", "card": "default"}


def test_a_page_links_nothing_that_wants_another_login() -> None:
    links = re.findall(r"\]\(([^)]*)\)", page_of(ENDED))
    assert links
    assert all(link.startswith("/api/w/team/") for link in links)
    assert "](" not in page_of(replace(ENDED, pages=False))


def test_a_step_that_did_not_run_has_no_card() -> None:
    assert "skipped" not in page_of(ENDED)


def test_whatever_a_run_made_windmill_shows_its_page() -> None:
    many = SucceededRun(
        pathspec="Flow/" + RUN,
        token="t",
        workspace="w",
        end="end",
        steps=[StepTimes(f"step{number}" * 10, 50, 1, 1.0, 1.0) for number in range(1000)],
        artifacts=[Artifact(f"name{number}" * 20, "type" * 30, 10, "v" * 160) for number in range(1000)],
        cards={f"step{number}" * 10: ["default"] for number in range(1000)},
        pages=True,
        said=[("end", "card", "x" * 6000)] * 20,
    )
    page = page_of(many)
    assert len(page) <= MOST_CHARACTERS
    assert page.endswith("*(more than fits here was left out)*")


def test_steps_are_told_by_their_names_whatever_their_modules_are_called() -> None:
    history = {"jobs": {"step_if": [1, 0, 100, 100], "step_if__2": [2, 1, 900, 500], "end": [0, 1, 50, 50]}}
    times = times_of(history, {"step_if": "if"})
    assert times[0] == StepTimes("if", 3, 1, 1.0, 0.5)
    assert with_end(times, "end", 2.0)[-1] == StepTimes("end", 1, 1, 2.05, 2.0)
    assert times_of(None, {}) == []


def test_the_tasks_of_a_packed_job_count_one_by_one() -> None:
    history = {"since": "now", "jobs": {"start/": [1, 0, 100, 100], "work/": [2, 1, 300, 200]}}
    rows: list[Any] = [
        {"task": "work/t-3", "state": "failed", "seconds": 0.5},
        {"task": "work/t-4", "state": "done", "seconds": 0.1},
        {"task": "work/t-5", "state": "done before", "seconds": 0.0},
        {"task": "join/t", "state": "cloned", "seconds": 0.2},
        {"task": "end/t"},
    ]
    told = with_tasks(history, rows)
    assert told["since"] == "now"
    assert times_of(told, {}) == [
        StepTimes("start", 1, 0, 0.1, 0.1),
        StepTimes("work", 3, 2, 0.9, 0.5),
        StepTimes("join", 1, 0, 0.2, 0.2),
    ]
    assert times_of(with_tasks(None, rows[3:]), {}) == [StepTimes("join", 1, 0, 0.2, 0.2)]


def test_jobs_that_were_not_looked_into_are_told() -> None:
    assert "3 jobs of several tasks each counted as one" in page_of(replace(ENDED, closed=3))
    assert "There may be more jobs than were counted here." in page_of(replace(ENDED, whole=False))
    assert "more jobs" not in page_of(ENDED)


def test_sizes_and_times_are_for_people() -> None:
    assert [size_text(size) for size in (28, 1200, 5_100_000, 2e15)] == [
        "28 B",
        "1.2 kB",
        "5.1 MB",
        "2000.0 TB",
    ]
    assert [time_text(seconds) for seconds in (0.31, 72, 7300)] == ["0.3 s", "1 min 12 s", "2 h 1 min"]
