from __future__ import annotations

import pytest

from metaflow_windmill.runtime.output.masking import Mask
from metaflow_windmill.runtime.report.value_text import LONGEST, shown

SECRET = "hunter2-hunter2"
MASK = Mask((SECRET,))


class Named:
    def __repr__(self) -> str:
        return f"Named({SECRET})\n"


class Nameless:
    pass


class Matrix:
    shape = (150, 4)
    dtype = "float64"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (None, "None"),
        ("a\nb", r"'a\nb'"),
        ([1, "a", (2,)], "[1, 'a', (2)]"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, ... 100 in all]"),
        ({"a": {"b": {"c": {"d": 1}}}}, "{'a': {'b': {'c': {...}}}}"),
        (1 << 10_000, "an integer of 10001 bits"),
        (Named(), "Named(********)"),
        (Nameless(), ""),
        (Matrix(), "150 x 4 of float64"),
    ],
)
def test_a_value_is_one_short_line(value: object, text: str) -> None:
    assert shown(value, MASK) == text


@pytest.mark.parametrize("around", [0, LONGEST - 8, LONGEST - 3])
def test_no_part_of_a_secret_is_left_where_a_text_is_cut(around: int) -> None:
    for value in ("x" * around + SECRET + "y" * 400, ["x" * around + SECRET + "y" * 400]):
        text = shown(value, MASK)
        assert len(text) <= LONGEST
        assert "hunter" not in text
