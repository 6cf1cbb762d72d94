"""Which interpreter a script gets."""

from __future__ import annotations

import sys

import pytest

from metaflow_windmill.devserver.runner.interpreters import base_interpreter, choice, fits


@pytest.mark.parametrize(
    ("wanted", "fitting"),
    [
        ("", True),
        ("3.11", True),
        ("3.11.7", True),
        ("3.11.6", False),
        ("==3.11.*", True),
        ("3.12", False),
        (">=3.10,<3.12", True),
        (">=3.12", False),
        (">3.11", False),
        ("~=3.10", True),
        ("~=3.10.2", False),
        ("~=3.11.2", True),
        ("!=3.11", False),
        ("nonsense", False),
    ],
)
def test_versions_that_a_script_allows(wanted: str, fitting: bool) -> None:
    assert fits(wanted, (3, 11, 7)) is fitting


def test_the_servers_own_python_is_taken_where_it_is_allowed() -> None:
    assert choice(">=3.10") == choice(f"{sys.version_info[0]}.{sys.version_info[1]}") == base_interpreter()
    assert choice("3.99") == "3.99"
