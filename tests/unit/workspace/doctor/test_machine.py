"""Versions, programs and clocks."""

from __future__ import annotations

import re
from email.utils import formatdate
from pathlib import Path

import pytest

from metaflow_windmill.workspace.doctor import machine

PROJECT = Path(__file__).parents[4] / "pyproject.toml"


def test_the_limits_are_those_of_the_package() -> None:
    said = PROJECT.read_text(encoding="utf-8")
    for name, lowest in machine.LOWEST.items():
        (written,) = set(re.findall(rf'"{name}>=([\d.]+)', said))
        assert machine.numbers(written) == lowest
    assert f'"metaflow>=2.19.23,<{machine.ABOVE["metaflow"][0]}"' in said
    low, above = (".".join(map(str, limit)) for limit in (machine.LOWEST_PYTHON, machine.ABOVE_PYTHON))
    assert f'requires-python = ">={low},<{above}"' in said


@pytest.mark.parametrize("running", [(3, 10, 0), (3, 13, 9)])
def test_a_python_that_is_supported(running: tuple[int, ...]) -> None:
    assert machine.python_finding(running).state == "ok"


@pytest.mark.parametrize("running", [(3, 9, 18), (3, 14, 0)])
def test_a_python_that_is_not(running: tuple[int, ...]) -> None:
    finding = machine.python_finding(running)
    assert finding.state == "bad"
    assert finding.said == f"{'.'.join(map(str, running))} is not supported."
    assert finding.advice == "Use Python 3.10 to 3.13."


@pytest.mark.parametrize(
    ("name", "found", "state", "said"),
    [
        ("metaflow", "2.19.23", "ok", "2.19.23"),
        ("metaflow", "2.20.0rc1+local", "ok", "2.20.0rc1+local"),
        ("metaflow", "2.19.9", "bad", "2.19.9 does not fit this version of metaflow-windmill."),
        ("metaflow", "3.0", "bad", "3.0 does not fit this version of metaflow-windmill."),
        ("metaflow", None, "bad", "It is not installed."),
        ("wmill", "1.500.2", "ok", "1.500.2"),
        ("wmill", "1.499.0", "bad", "1.499.0 does not fit this version of metaflow-windmill."),
    ],
)
def test_packages(name: str, found: str | None, state: str, said: str) -> None:
    finding = machine.package_finding(name, found)
    assert (finding.state, finding.said) == (state, said)
    wanted = {"metaflow": "metaflow>=2.19.23,<3", "wmill": "wmill>=1.500"}[name]
    assert finding.advice == ("" if state == "ok" else f"Run: pip install '{wanted}'")


def test_a_worker_of_another_version() -> None:
    finding = machine.own_finding("0.1.0", "0.2.0")
    assert (finding.state, finding.said) == ("warn", "0.1.0 here, and 0.2.0 on the machine that asks.")
    assert "`metaflow-windmill install`" in finding.advice
    assert machine.own_finding("0.1.0", "0.1.0").state == machine.own_finding("0.1.0").state == "ok"
    assert machine.own_finding(None).advice == (
        "Install it from a clone or a wheel; the package metaflow-windmill of a public index is another."
    )


@pytest.mark.parametrize("name", sorted(machine.TOOLS))
def test_programs(name: str) -> None:
    missing = machine.tool_finding(name, None)
    assert (missing.state, missing.said) == ("warn", "It is not on the PATH.")
    assert f"install {name} there" in missing.advice
    assert machine.tool_finding(name, f"{name} 1.2").said == f"{name} 1.2"


def test_versions_of_programs() -> None:
    assert str(machine.tool_version("git")).startswith("git version")
    assert machine.tool_version("no-such-program") is None
    assert machine.tool_version("false") is None


NOW = 1_900_000_000


@pytest.mark.parametrize(
    ("server", "state", "said"),
    [
        (NOW, "ok", "The same as the server's, to a few seconds."),
        (NOW - 4, "ok", "The same as the server's, to a few seconds."),
        (NOW - 61, "warn", "This clock is 60 seconds ahead of the server's."),
        (NOW + 61, "warn", "This clock is 60 seconds behind the server's."),
        (NOW + 3601, "bad", "This clock is 3600 seconds behind the server's."),
    ],
)
def test_clocks(server: int, state: str, said: str) -> None:
    finding = machine.clock_finding(formatdate(server, usegmt=True), NOW, NOW + 1.0)
    assert (finding.state, finding.said) == (state, said)
    assert ("NTP" in finding.advice) == (state != "ok")


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_server_without_a_clock(date: str) -> None:
    finding = machine.clock_finding(date, NOW, NOW)
    assert (finding.state, "not compared" in finding.said) == ("ok", True)


def test_whether_flows_are_compiled_apart() -> None:
    assert machine.isolation_finding("").state == "ok"
    weaker = machine.isolation_finding("Operation not permitted")
    assert weaker.state == "warn"
    assert "Operation not permitted" in weaker.said
