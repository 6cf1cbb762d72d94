"""Who may answer, until when, and what Windmill's refusals mean."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from tests.support.answering import Answering

from metaflow_windmill.client.transport import Response
from metaflow_windmill.errors import DeployError, Unauthorized
from metaflow_windmill.runs.approvals import Question, answer
from metaflow_windmill.runs.approvers import until_when, who_may

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

SINCE = datetime(2026, 1, 1, tzinfo=timezone.utc)
OTHERS = "members of the workspace but ann (and admins)"


@pytest.mark.parametrize(
    ("rules", "missing", "who"),
    [
        ({}, 1, "members of the workspace"),
        ({"required_events": 3}, 2, "2 more members of the workspace"),
        ({"self_approval_disabled": True}, 1, OTHERS),
        ({"user_groups_required": {"type": "static", "value": ["a", "b"]}}, 1, "members of a or b"),
    ],
)
def test_who_may_answer(rules: dict[str, Json], missing: int, who: str) -> None:
    assert who_may(rules, missing, "ann") == who


def test_until_when_a_run_waits() -> None:
    assert until_when({"timeout": 60}, SINCE) == SINCE + timedelta(seconds=60)
    assert until_when({}, SINCE) == SINCE + timedelta(minutes=30)
    assert until_when({"timeout": 60}, None) is None
    assert until_when({"timeout": {"expr": "1"}}, SINCE) is None  # what somebody made of it by hand


@pytest.mark.parametrize(
    ("status", "said", "why"),
    [
        (403, "Permission denied: Self-approval is disabled for this flow step", "you started this run"),
        (403, "Only users from one of the following groups are allowed", "none of those whom the step asks"),
        (400, "Approvals for logged in users is an enterprise only feature", "none of those whom"),
    ],
)
def test_a_refused_answer_says_who_else_may(status: int, said: str, why: str) -> None:
    windmill = Answering({"POST /jobs_u/flow/resume_suspended/job": Response(status, said.encode())}).windmill
    with pytest.raises(DeployError, match=why) as caught:
        answer(windmill, Question("job", "a", "a/t", who=OTHERS), {})
    assert f"The run still waits; {OTHERS} may answer." in str(caught.value)


def test_a_token_without_rights_is_no_matter_of_who_may_answer() -> None:
    windmill = Answering({"POST /jobs_u/flow/resume_suspended/job": Response(403, b"no scope")}).windmill
    with pytest.raises(Unauthorized):
        answer(windmill, Question("job", "a", "a/t"), {})
