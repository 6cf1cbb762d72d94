from __future__ import annotations

import pytest

from metaflow_windmill.cli.flow.commands.why import KeyDifference, differences, reason

PARTS = {"code": "a" * 40, "packages": "boto3 1.0, numpy 1.0", "artifact numbers": "b" * 40}


def test_what_differs_is_told_as_short_as_it_can_be() -> None:
    now = {**PARTS, "packages": "numpy 2.0", "artifact more": "c" * 40}
    assert differences(PARTS, now) == [
        KeyDifference("packages", "boto3 1.0, numpy 1.0", "numpy 2.0"),
        KeyDifference("artifact more", "-", "c" * 12),
    ]
    assert differences(PARTS, PARTS) == []


@pytest.mark.parametrize(
    ("told", "changed", "compared", "said"),
    [
        ({"cloned": "r/a/t"}, [], False, "was cloned from r/a/t (memo): all parts of its key are the same"),
        ({"anew": True, "before": "r/a/t"}, [], True, "ran since its step was to be run anew"),
        ({}, [], False, "ran since no earlier run of this deployment has a success of it"),
        (
            {"before": "r/a/t"},
            [],
            False,
            "ran; of r/a/t, the success before it, nothing is left to compare with",
        ),
        (
            {"before": "r/a/t"},
            [KeyDifference("code", "a", "b"), KeyDifference("python", "3", "4")],
            True,
            "ran since this has changed since r/a/t: code, python",
        ),
        (
            {"before": "r/a/t"},
            [],
            True,
            "ran although nothing has changed since r/a/t: that success has lost its data",
        ),
    ],
)
def test_the_reason_is_one_sentence(
    told: dict[str, object],
    changed: list[KeyDifference],
    compared: bool,
    said: str,
) -> None:
    assert reason(told, changed, compared=compared) == said
